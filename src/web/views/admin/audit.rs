use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use super::paging::Paging;
use crate::audit::{AuditCursor, AuditRecord, AuditSearch, EVENTS, ExportFormat, RESULTS};
use crate::config::AuditSettings;
use crate::domain::Timestamp;
use crate::web::links::Link;
use crate::web::views::device::describe_device;
use crate::web::views::humanize::humanize;
use crate::web::views::{Notice, Tone};

/// The view of the audit records that match a search.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AuditView {
    navigation: Vec<AdminNavItem>,
    notice: Option<Notice>,
    form: AuditForm,
    events: Vec<FilterOption>,
    results: Vec<FilterOption>,
    records: Vec<AuditRecordRow>,
    paging: Paging,
    exports: Vec<ExportLink>,
    count: u64,
    retention: String,
    max_rows: u64,
}

/// The fields of the search form, which are in the page's address.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::web) struct AuditForm {
    pub(in crate::web) who: String,
    pub(in crate::web) realm: String,
    pub(in crate::web) event: String,
    pub(in crate::web) result: String,
    pub(in crate::web) address: String,
    /// The first moment and the last minute or day, in UTC, as the browser's own fields write them.
    pub(in crate::web) from: String,
    pub(in crate::web) until: String,
}

#[derive(Debug, Serialize)]
struct FilterOption {
    value: &'static str,
    is_selected: bool,
}

#[derive(Debug, Serialize)]
struct ExportLink {
    label: &'static str,
    href: Link,
}

#[derive(Debug, Serialize)]
struct AuditRecordRow {
    at_ms: Timestamp,
    /// How often it was, if more than once, and when it was last.
    count: Option<i64>,
    last_at_ms: Timestamp,
    event: String,
    result: String,
    state: &'static str,
    /// The account's name in its realm, or what was typed.
    who: Option<String>,
    realm: Option<String>,
    /// Whether it was typed by somebody who had proved nothing.
    is_typed: bool,
    address: Option<String>,
    /// Its details, in the order in which they are read.
    details: Vec<RecordDetail>,
}

#[derive(Debug, Serialize)]
struct RecordDetail {
    name: &'static str,
    text: String,
}

impl AuditForm {
    /// Parses the search; or the notice about what is wrong with it.
    pub(in crate::web) fn search(&self) -> Result<AuditSearch, Notice> {
        let invalid = |text: &str| Notice { tone: Tone::Warn, text: text.to_owned() };
        let non_empty = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let address = non_empty(&self.address).map(|text| text.parse()).transpose();
        let moment = |text: &str, is_last| match non_empty(text) {
            None => Ok(None),
            Some(text) => parse_utc(&text, is_last)
                .map(Some)
                .ok_or_else(|| invalid("A time is not one: write 2026-11-22T08:30, or 2026-11-22 for the whole day.")),
        };
        Ok(AuditSearch {
            who: non_empty(&self.who),
            realm: non_empty(&self.realm).map(|realm| realm.to_lowercase()),
            event: non_empty(&self.event),
            result: non_empty(&self.result),
            address: address.map_err(|_| invalid("The address is not one: write 192.0.2.7 or 2001:db8::7."))?,
            from: moment(&self.from, false)?,
            until: moment(&self.until, true)?,
        })
    }

    /// The form as a query string.
    pub(in crate::web) fn query(&self) -> url::form_urlencoded::Serializer<'static, String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, text) in self.fields() {
            if !text.is_empty() {
                query.append_pair(name, text);
            }
        }
        query
    }

    fn fields(&self) -> [(&'static str, &String); 7] {
        [
            ("who", &self.who),
            ("realm", &self.realm),
            ("event", &self.event),
            ("result", &self.result),
            ("address", &self.address),
            ("from", &self.from),
            ("until", &self.until),
        ]
    }
}

impl AuditView {
    /// The page of these records: `goes_on` when there are more behind them, `is_continued` when it is not the first.
    pub(in crate::web) fn of(
        form: AuditForm,
        settings: &AuditSettings,
        count: u64,
        records: &[AuditRecord],
        goes_on: bool,
        is_continued: bool,
        notice: Option<Notice>,
    ) -> Self {
        let choices = |words: &[&'static str], chosen: &str| {
            words.iter().map(|word| FilterOption { value: word, is_selected: *word == chosen }).collect()
        };
        let export = |format: ExportFormat, words| ExportLink {
            label: words,
            href: Link::to(format_args!("admin/audit.{}?{}", format.extension(), form.query().finish())),
        };
        let older = records.last().filter(|_| goes_on).map(|last| older_link(&form, last.cursor()));
        Self {
            navigation: AdminPage::Audit.navigation(),
            notice,
            events: choices(EVENTS, &form.event),
            results: choices(RESULTS, &form.result),
            records: records.iter().map(AuditRecordRow::of).collect(),
            paging: Paging::of(Link::to(format_args!("admin/audit?{}", form.query().finish())), is_continued, older),
            exports: vec![export(ExportFormat::Csv, "CSV"), export(ExportFormat::JsonLines, "JSON lines")],
            count,
            retention: humanize(settings.keep),
            max_rows: settings.most_rows,
            form,
        }
    }
}

fn older_link(form: &AuditForm, after: AuditCursor) -> Link {
    let cursor = format!("{}-{}", after.at.as_millis(), after.id);
    Link::to(format_args!("admin/audit?{}", form.query().append_pair("after", &cursor).finish()))
}

impl AuditRecordRow {
    fn of(record: &AuditRecord) -> Self {
        let fact = |name, text: &Option<String>| text.clone().map(|text| RecordDetail { name, text });
        let number = |name, number: Option<i64>| number.map(|number| RecordDetail { name, text: number.to_string() });
        let device =
            record.user_agent.as_deref().map(|agent| RecordDetail { name: "with", text: describe_device(Some(agent)) });
        let facts = [
            fact("page", &record.page),
            fact("because", &record.reason),
            fact("code", &record.directory_code),
            fact("factor", &record.factor),
            fact("", &record.detail),
            fact("session", &record.session),
            number("token", record.token),
            device,
        ];
        Self {
            at_ms: record.at,
            count: Some(record.count).filter(|count| *count > 1),
            last_at_ms: record.last_at(),
            event: record.event.clone(),
            result: record.result.clone(),
            state: match record.result.as_str() {
                "ok" => "good",
                "refused" => "warn",
                "failed" => "bad",
                _ => "unknown",
            },
            who: record.account.clone().or_else(|| record.who.clone()),
            realm: record.realm.clone(),
            is_typed: record.who.is_some() && record.person.is_none(),
            address: record.address.clone(),
            details: facts.into_iter().flatten().collect(),
        }
    }
}

/// Parses the moment that a browser's field for a date, or a date and time, names in UTC. As the last one it means all
/// of that day or minute: the moment after it.
fn parse_utc(text: &str, is_last: bool) -> Option<Timestamp> {
    let (first, length) = match text.parse::<Date>() {
        Ok(day) if !text.contains(['T', ' ']) => (day.to_datetime(jiff::civil::Time::midnight()), jiff::Span::new().days(1)),
        _ => (text.parse::<DateTime>().ok()?, jiff::Span::new().minutes(1)),
    };
    let named = if is_last { first.checked_add(length).ok()? } else { first };
    let at = named.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_day_or_a_minute_is_meant_whole_as_the_last_one() {
        let minute = 60_000;
        let day = 24 * 60 * minute;
        let midnight = 1_795_305_600_000;
        for (text, is_last, expected) in [
            ("2026-11-22", false, midnight),
            ("2026-11-22", true, midnight + day),
            ("2026-11-22T00:58", false, midnight + 58 * minute),
            ("2026-11-22T00:58", true, midnight + 59 * minute),
        ] {
            assert_eq!(parse_utc(text, is_last), Some(Timestamp::from_millis(expected)), "{text} {is_last}");
        }
        for text in ["yesterday", "2026-13-01", "22.11.2026", "2026-11-22T25:00", "9999-12-31"] {
            assert_eq!(parse_utc(text, true), None, "{text}");
        }
    }

    #[test]
    fn what_is_typed_wrong_is_said_and_nothing_is_looked_for() {
        for form in [
            AuditForm { address: "10.0.0".to_owned(), ..AuditForm::default() },
            AuditForm { from: "soon".to_owned(), ..AuditForm::default() },
        ] {
            assert!(form.search().is_err(), "{form:?}");
        }
        let form = AuditForm { who: " alice ".to_owned(), ..AuditForm::default() };
        assert_eq!(form.search().unwrap(), AuditSearch { who: Some("alice".to_owned()), ..AuditSearch::default() });
    }
}
