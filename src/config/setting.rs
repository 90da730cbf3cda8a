//! Settings, each declared once: its key, default, values, and what it does.
//!
//! `settings!` makes a table's struct of such declarations, the function that reads it from `Rocket.toml`, and the rows of
//! the reference in the manual, whose sentences are the doc comments.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::LocationKind;
use super::files;
use super::quantity::{format_duration, format_size};
use super::reader::Fields;
use super::secret::Secret;
use crate::domain::CertificateFingerprint;

/// A row of the reference: a key, and how to set it. Its texts are Markdown.
#[derive(Clone, Debug, Default)]
pub struct SettingRow {
    /// The key in its table.
    pub key: &'static str,
    /// The default, in TOML between backticks; or a word for there being none.
    pub default: String,
    /// The values that it may have.
    pub values: String,
    /// The description, in sentences.
    pub about: String,
    /// A value for the commented line in `Rocket.toml`, when the default is none.
    pub example: String,
    /// The keys in it, when it is a table.
    pub table: Vec<SettingRow>,
}

/// A table of settings, as `settings!` declares it.
pub(crate) trait DeclaredTable: Sized {
    /// The table with nothing written in it. What must be written is empty.
    fn defaults() -> Self;

    /// Takes the table's keys out of `fields`, and reports what is wrong with them.
    fn take_from(fields: &mut Fields<'_>) -> Option<Self>;

    /// The reference of the table.
    fn rows() -> Vec<SettingRow>;

    /// Reads a table that has no other keys.
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let table = Self::take_from(&mut fields);
        fields.finish();
        table
    }
}

/// The function that reads the value of a key, or of several keys that belong together.
type ReadSetting<T> = Box<dyn FnOnce(&mut Fields<'_>, &'static str) -> Option<T>>;

/// A setting: how it is read, what it is when left out, and its row of the reference.
pub(crate) struct Setting<T> {
    pub(crate) default: T,
    read: ReadSetting<T>,
    /// Whether it is read when none of its keys is there.
    always: bool,
    row: SettingRow,
    /// Further keys that are read together with this one.
    beside: Vec<SettingRow>,
}

impl<T> Setting<T> {
    /// A setting with a reader of its own. `shown` is the default as the reference has it.
    pub(crate) fn new(
        default: T,
        shown: &str,
        values: &str,
        read: impl FnOnce(&mut Fields<'_>, &'static str) -> Option<T> + 'static,
    ) -> Self {
        let row = SettingRow { default: shown.to_owned(), values: values.to_owned(), ..SettingRow::default() };
        Self { default, read: Box::new(read), always: false, row, beside: Vec::new() }
    }

    /// This setting, whose absence its reader reports, or fills.
    pub(crate) fn always_read(self) -> Self {
        Self { always: true, ..self }
    }

    /// This setting with another text for its default.
    pub(crate) fn shown_as(mut self, default: &str) -> Self {
        default.clone_into(&mut self.row.default);
        self
    }

    /// This setting with a value to show in a comment.
    pub(crate) fn such_as(mut self, example: &str) -> Self {
        example.clone_into(&mut self.row.example);
        self
    }

    /// This setting with a further key, of which its reader takes care.
    pub(crate) fn beside(mut self, key: &'static str, values: &str, about: &str, example: &str) -> Self {
        let [values, about, example] = [values, about, example].map(str::to_owned);
        self.beside.push(SettingRow { key, default: "none".to_owned(), values, about, example, table: Vec::new() });
        self
    }

    /// This setting as a table with these keys.
    pub(crate) fn with_keys(mut self, table: Vec<SettingRow>) -> Self {
        self.row.table = table;
        self
    }

    /// This setting where it may also be left out.
    pub(crate) fn optional(self) -> Setting<Option<T>>
    where
        T: 'static,
    {
        let Self { read, row, beside, always, .. } = self;
        let example = if row.example.is_empty() { row.default.trim_matches('`').to_owned() } else { row.example };
        let row = SettingRow { default: "none".to_owned(), example, ..row };
        Setting { default: None, read: Box::new(|fields, key| read(fields, key).map(Some)), always, row, beside }
    }

    /// The value of `key`, or the default when it is not there. `None` means that it is wrong, which is reported.
    pub(crate) fn take_from(self, fields: &mut Fields<'_>, key: &'static str) -> Option<T> {
        let keys = std::iter::once(key).chain(self.beside.iter().map(|row| row.key));
        if self.always || keys.clone().any(|key| fields.key_location(key).is_some()) {
            return (self.read)(fields, key);
        }
        keys.for_each(|key| fields.know(key));
        Some(self.default)
    }

    /// The rows of the reference.
    pub(crate) fn into_rows(self, key: &'static str, about: &str) -> Vec<SettingRow> {
        let row = SettingRow { key, about: about.trim().to_owned(), ..self.row };
        std::iter::once(row).chain(self.beside).collect()
    }
}

/// `true` or `false`.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is not for every lifetime of `Fields`")]
pub(crate) fn boolean(default: bool) -> Setting<bool> {
    Setting::new(default, &format!("`{default}`"), "", |fields, key| fields.boolean(key))
}

/// A duration from `range`.
pub(crate) fn duration(default: Duration, range: RangeInclusive<Duration>) -> Setting<Duration> {
    let values = format!("`{}` to `{}`", format_duration(*range.start()), format_duration(*range.end()));
    let shown = format!("`\"{}\"`", format_duration(default));
    Setting::new(default, &shown, &values, |fields, key| fields.duration(key, range).map(|found| found.value))
}

/// A whole number from `range`.
pub(crate) fn integer<T: TryFrom<i64> + Display + 'static>(default: T, range: RangeInclusive<i64>) -> Setting<T> {
    let values = format!("`{}` to `{}`", range.start(), range.end());
    let shown = format!("`{default}`");
    Setting::new(default, &shown, &values, |fields, key| fields.integer(key, range).and_then(|number| number.try_into().ok()))
}

/// A number of bytes from `range`.
pub(crate) fn size(default: usize, range: RangeInclusive<u64>) -> Setting<usize> {
    let values = format!("`{}` to `{}`", format_size(*range.start()), format_size(*range.end()));
    let shown = format!("`\"{}\"`", format_size(default as u64));
    Setting::new(default, &shown, &values, |fields, key| fields.size(key, range).and_then(|bytes| bytes.try_into().ok()))
}

/// Text that is not blank.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is not for every lifetime of `Fields`")]
pub(crate) fn text(default: &str) -> Setting<String> {
    Setting::new(default.to_owned(), &format!("`\"{default}\"`"), "text", |fields, key| fields.string(key))
}

/// A path, relative to the folder of the file it is written in.
pub(crate) fn path(default: &str) -> Setting<PathBuf> {
    let read = |fields: &mut Fields<'_>, key| files::path(fields, key).map(|path| path.value);
    Setting::new(PathBuf::from(default), &format!("`\"{default}\"`"), "path", read)
}

/// The path of a file that need not be named, with an example of it in TOML, or none.
pub(crate) fn optional_file(example: &str) -> Setting<Option<PathBuf>> {
    let read = |fields: &mut Fields<'_>, key| files::path(fields, key).map(|file| Some(file.value));
    Setting::new(None, "none", "path", read).such_as(example)
}

/// A file of PEM certificates.
pub(crate) fn ca_file() -> Setting<Option<PathBuf>> {
    Setting::new(None, "none", "path", files::ca_file).such_as("\"corp-ca.pem\"")
}

/// Certificates by their fingerprints: one, or a list.
pub(crate) fn tls_fingerprint() -> Setting<Vec<CertificateFingerprint>> {
    let read = |fields: &mut Fields<'_>, key| fields.parsed_one_or_more(key);
    Setting::new(Vec::new(), "none", "fingerprint, or a list", read)
        .such_as("\"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"")
}

/// A path whose default is relative to the folder of the settings, too.
pub(crate) fn folder(default: &'static str) -> Setting<PathBuf> {
    let Setting { row, read, .. } = path(default);
    let read: ReadSetting<PathBuf> = Box::new(move |fields, key| {
        if fields.key_location(key).is_some() {
            return read(fields, key);
        }
        fields.know(key);
        let settings = match fields.location.kind() {
            LocationKind::File(file) => file.parent(),
            _ => None,
        };
        Some(settings.unwrap_or(Path::new("")).join(default))
    });
    Setting { default: PathBuf::from(default), read, always: true, row, beside: Vec::new() }
}

/// One of several words, each with its value. The first is the default.
pub(crate) fn word<T: Copy + 'static, const N: usize>(words: &'static [(&'static str, T); N]) -> Setting<T> {
    let (first, default) = words[0];
    let values: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let read = |fields: &mut Fields<'_>, key| fields.enumeration(key, words).map(|found| found.value);
    Setting::new(default, &format!("`\"{first}\"`"), &values.join(", "), read)
}

/// A list of texts, each read by `parse`. One that is no text makes all of it wrong.
pub(crate) fn list<T: FromStr<Err: Display> + 'static>(values: &str) -> Setting<Vec<T>> {
    let read = |fields: &mut Fields<'_>, key| fields.parsed_list(key);
    Setting::new(Vec::new(), "`[]`", values, read)
}

/// A secret under this key, or in the file that `file_key` names.
pub(crate) fn secret(file_key: &'static str, about_file: &str, example: &str) -> Setting<Option<Secret>> {
    let read = move |fields: &mut Fields<'_>, key| Some(files::secret(fields, key, file_key)?.map(|found| found.value));
    Setting::new(None, "none", "text", read).beside(file_key, "path", about_file, example)
}

/// A table of its own.
pub(crate) fn table<T: DeclaredTable + 'static>() -> Setting<T> {
    Setting::new(T::defaults(), "", "table", |fields, key| T::read(fields.table_or_empty(key)))
        .always_read()
        .with_keys(T::rows())
}

/// Declares a table of settings. Each key has a sentence for the reference, a type and a [`Setting`]. A field whose key has
/// another name says it with `as`. `settled by` names a function of the table and its [`Fields`], for rules between keys: it
/// reports what breaks them.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $table:ident $(, settled by $settle:path)? {
            $($(#[doc = $about:literal])+ pub $field:ident $(as $key:ident)?: $type:ty = $setting:expr,)+
        }
    ) => {
        $(#[$meta])*
        pub struct $table {
            $($(#[doc = $about])+ pub $field: $type,)+
        }

        impl $crate::config::setting::DeclaredTable for $table {
            fn defaults() -> Self {
                Self { $($field: settings!(@setting $setting, $type).default,)+ }
            }

            fn take_from(fields: &mut $crate::config::reader::Fields<'_>) -> Option<Self> {
                $(let $field = settings!(@setting $setting, $type).take_from(fields, settings!(@key $field $($key)?));)+
                let is_right = true $(&& $field.is_some())+;
                // A wrong key hides nothing of what is wrong between the others.
                let defaults = Self::defaults();
                let table = Self { $($field: $field.unwrap_or(defaults.$field),)+ };
                $(let table = $settle(table, fields);)?
                is_right.then_some(table)
            }

            fn rows() -> Vec<$crate::config::SettingRow> {
                let rows = [$(
                    settings!(@setting $setting, $type).into_rows(settings!(@key $field $($key)?), concat!($($about),+)),
                )+];
                rows.into_iter().flatten().collect()
            }
        }
    };
    (@setting $setting:expr, $type:ty) => {{
        let setting: $crate::config::setting::Setting<$type> = $setting;
        setting
    }};
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:ident) => { stringify!($key) };
}
pub(crate) use settings;
