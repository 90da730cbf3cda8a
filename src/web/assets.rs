use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::config::Theme;

/// Hex digits of a file's hash in its address: 48 bits tell the versions of one file apart.
const VERSION_DIGITS: usize = 12;

/// The stylesheet with the site's own numbers. It has no file: it is made from the settings.
const THEME_PATH: &str = "theme.css";

/// Front-end libraries are served from below this path.
const VENDOR_PREFIX: &str = "vendor/";

#[derive(RustEmbed)]
#[folder = "templates/"]
struct BuiltInTemplates;

#[derive(RustEmbed)]
#[folder = "static/"]
struct BuiltInStatic;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/vendor/"]
struct BuiltInVendor;

/// Templates and static files: built in, read from the source tree in debug builds so that an edit shows on reload,
/// and overlaid from a folder where the admin names one.
#[derive(Clone, Debug)]
pub struct Assets {
    folders: Vec<PathBuf>,
    theme_css: String,
    /// The address of every file by its path, when none of them can change any more.
    settled_urls: Option<Arc<HashMap<String, String>>>,
}

impl Assets {
    /// The built-in files alone, under those of `overlay`.
    pub fn built_in(overlay: Option<&Path>, theme: &Theme) -> Self {
        let folders = overlay.map(Path::to_path_buf).into_iter().collect();
        Self { folders, theme_css: theme_css(theme), settled_urls: None }.settled()
    }

    /// Like [`Assets::built_in`], with the source tree between the two when this is a debug build and it is there.
    pub fn for_this_build(overlay: Option<&Path>, theme: &Theme) -> Self {
        let mut assets = Self::built_in(overlay, theme);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        if cfg!(debug_assertions) && sources.join("templates").is_dir() {
            assets.folders.push(sources.to_path_buf());
            assets.settled_urls = None;
        }
        assets
    }

    /// Works out every address once, if no file can change: a page names some fifteen of them.
    fn settled(mut self) -> Self {
        if self.folders.is_empty() {
            let vendored = BuiltInVendor::iter().map(|path| format!("{VENDOR_PREFIX}{path}"));
            let paths = BuiltInStatic::iter().map(String::from).chain(vendored).chain([THEME_PATH.to_owned()]);
            let urls = paths.filter_map(|path| Some((path.clone(), self.url_of(&path)?))).collect();
            self.settled_urls = Some(Arc::new(urls));
        }
        self
    }

    /// A static file's bytes, by its path below `/static/`.
    pub(super) fn static_file(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        if path == THEME_PATH {
            return Some(Cow::Owned(self.theme_css.clone().into_bytes()));
        }
        if let Some(vendored) = path.strip_prefix(VENDOR_PREFIX) {
            return BuiltInVendor::get(vendored).map(|file| file.data);
        }
        self.overlaid("static", path).map(Cow::Owned).or_else(|| BuiltInStatic::get(path).map(|file| file.data))
    }

    /// The address of a static file, with its version, so that browsers may keep it for ever.
    pub(super) fn static_url(&self, path: &str) -> Option<String> {
        match &self.settled_urls {
            Some(urls) => urls.get(path).cloned(),
            None => self.url_of(path),
        }
    }

    fn url_of(&self, path: &str) -> Option<String> {
        let version = Self::version_of(&self.static_file(path)?);
        Some(format!("/static/{path}?v={version}"))
    }

    /// What tells these bytes from every other state of their file.
    pub(super) fn version_of(bytes: &[u8]) -> String {
        let mut version = hex::encode(Sha256::digest(bytes));
        version.truncate(VERSION_DIGITS);
        version
    }

    /// Every template by name (`pages/show`): the built-in ones, and the overlay's in their place or beside them.
    pub(super) fn templates(&self) -> Vec<(String, String)> {
        let paths: BTreeSet<String> =
            BuiltInTemplates::iter().map(String::from).chain(self.added_templates()).collect();
        paths
            .into_iter()
            .filter_map(|path| {
                let name = path.strip_suffix(".html.tera")?.to_owned();
                let bytes = self
                    .overlaid("templates", &path)
                    .map(Cow::Owned)
                    .or_else(|| BuiltInTemplates::get(&path).map(|file| file.data))?;
                Some((name, String::from_utf8_lossy(&bytes).into_owned()))
            })
            .collect()
    }

    /// The source tree's templates, which a debug build watches.
    pub(crate) fn watched_templates(&self) -> Option<PathBuf> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.folders.iter().any(|folder| folder == sources).then(|| sources.join("templates"))
    }

    /// The paths of what lies in the folders' `templates/`.
    fn added_templates(&self) -> impl Iterator<Item = String> {
        let roots = self.folders.iter().map(|folder| folder.join("templates"));
        roots.flat_map(|root| {
            let files =
                WalkDir::new(&root).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
            files.filter_map(move |file| Some(file.path().strip_prefix(&root).ok()?.to_str()?.to_owned()))
        })
    }

    fn overlaid(&self, kind: &str, path: &str) -> Option<Vec<u8>> {
        let path = Path::new(path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        self.folders.iter().find_map(|folder| std::fs::read(folder.join(kind).join(path)).ok())
    }
}

fn theme_css(theme: &Theme) -> String {
    let Theme { hue, accent_hue, saturation } = theme;
    format!(":root {{ --hue: {hue}; --accent-hue: {accent_hue}; --saturation: {saturation}%; }}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const THEME: Theme = Theme { hue: 215, accent_hue: 217, saturation: 14 };

    #[test]
    fn the_binary_carries_every_file_it_serves() {
        let assets = Assets::built_in(None, &THEME);
        assert!(assets.templates().iter().any(|(name, _)| name == "pages/show"));
        assert!(assets.static_url("js/main.js").unwrap().starts_with("/static/js/main.js?v="));
        assert!(assets.static_file("vendor/uplot/uPlot.esm.js").unwrap().len() > 10_000);
        assert!(assets.static_file("no/such.css").is_none());
    }

    #[test]
    fn an_overlay_replaces_single_files_and_nothing_outside_it() {
        let overlay = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(overlay.path().join("static/js")).unwrap();
        std::fs::write(overlay.path().join("static/js/main.js"), "// ours").unwrap();
        std::fs::write(overlay.path().join("secret"), "secret").unwrap();
        let assets = Assets::built_in(Some(overlay.path()), &THEME);
        assert_eq!(assets.static_file("js/main.js").unwrap().as_ref(), b"// ours");
        assert!(assets.static_file("../secret").is_none());
        assert!(assets.static_file("js/../../secret").is_none());
    }
}
