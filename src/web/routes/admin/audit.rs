use std::io::{self, Cursor};

use futures::stream::{self, Stream};
use rocket::http::{ContentType, Header};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket::{Route, get, routes};
use tokio_util::io::StreamReader;

use crate::audit::{AuditCursor, AuditEvent, AuditSearch, AuditTrail, ExportFormat};
use crate::domain::Timestamp;
use crate::web::guards::{AdminAct, Administrator, QueryParams};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AuditForm, AuditView, Layout, cut_to_page};

pub(super) fn routes() -> Vec<Route> {
    routes![show, csv, json_lines]
}

/// Records on a page: as many as one looks through.
const PAGE_SIZE: usize = 100;

/// Records read at once for an export: a few hundred kilobytes in memory, whatever the file comes to.
const EXPORT_CHUNK_SIZE: usize = 1_000;

/// The audit records, the newest first.
#[get("/audit")]
async fn show(
    _administrator: Administrator,
    params: QueryParams,
    layout: Layout,
    trail: &AuditTrail,
) -> Result<Html<AuditView>, Refusal> {
    let (form, after) = (parse_form(&params), parse_cursor(params.get("after")));
    let (mut records, invalid) = match form.search() {
        // One more shows whether the list goes on.
        Ok(search) => (trail.search(&search, after, PAGE_SIZE + 1).await?, None),
        Err(invalid) => (Vec::new(), Some(invalid)),
    };
    let goes_on = cut_to_page(&mut records, PAGE_SIZE);
    let count = trail.count().await?;
    let view = AuditView::of(form, trail.settings(), count, &records, goes_on, after.is_some(), invalid);
    Ok(Html::new("admin/audit", "Audit", layout, view))
}

/// The audit records as CSV, for a spreadsheet.
#[get("/audit.csv")]
fn csv(act: AdminAct<'_>, params: QueryParams, trail: &AuditTrail) -> Result<AuditExport, Refusal> {
    export(ExportFormat::Csv, &act, &params, trail)
}

/// The audit records as JSON lines, for programs.
#[get("/audit.jsonl")]
fn json_lines(act: AdminAct<'_>, params: QueryParams, trail: &AuditTrail) -> Result<AuditExport, Refusal> {
    export(ExportFormat::JsonLines, &act, &params, trail)
}

fn export(format: ExportFormat, act: &AdminAct<'_>, params: &QueryParams, trail: &AuditTrail) -> Result<AuditExport, Refusal> {
    let form = parse_form(params);
    let search = form.search().map_err(|invalid| Refusal::BadRequest(invalid.text.trim_end_matches('.').to_owned()))?;
    let what = format!("{} {}", format.extension(), form.query().finish());
    act.record(&AuditEvent::AuditExported { admin: &act.admin, what: what.trim_end() });
    Ok(AuditExport { trail: trail.clone(), search, format })
}

/// An export of audit records, streamed while they are read.
pub(super) struct AuditExport {
    trail: AuditTrail,
    search: AuditSearch,
    format: ExportFormat,
}

impl<'r> Responder<'r, 'static> for AuditExport {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let kind = match self.format {
            ExportFormat::Csv => ContentType::new("text", "csv").with_params([("charset", "utf-8"), ("header", "present")]),
            ExportFormat::JsonLines => ContentType::new("application", "jsonl"),
        };
        let disposition = format!("attachment; filename=\"belvedere-audit.{}\"", self.format.extension());
        Response::build()
            .header(kind)
            .header(Header::new("Content-Disposition", disposition))
            .streamed_body(StreamReader::new(Box::pin(self.chunks())))
            .ok()
    }
}

/// The progress of an export.
enum ExportProgress {
    NotStarted,
    After(Option<AuditCursor>),
    Done,
}

impl AuditExport {
    /// The export in chunks. When the store fails in the middle the connection breaks off, so that nobody takes a part
    /// for the whole.
    fn chunks(self) -> impl Stream<Item = io::Result<Cursor<Vec<u8>>>> + Send {
        stream::try_unfold((self, ExportProgress::NotStarted), |(export, written)| async move {
            let (piece, written) = match written {
                ExportProgress::NotStarted => (export.format.header().map_err(io::Error::other)?, ExportProgress::After(None)),
                ExportProgress::After(after) => export.chunk(after).await?,
                ExportProgress::Done => return Ok(None),
            };
            Ok(Some((Cursor::new(piece), (export, written))))
        })
    }

    async fn chunk(&self, after: Option<AuditCursor>) -> io::Result<(Vec<u8>, ExportProgress)> {
        let broken_off = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "the audit's export breaks off");
            io::Error::other(error.to_string())
        };
        let records = self.trail.search(&self.search, after, EXPORT_CHUNK_SIZE).await.map_err(|error| broken_off(&error))?;
        let piece = self.format.encode(&records).map_err(|error| broken_off(&error))?;
        let last = records.last().filter(|_| records.len() == EXPORT_CHUNK_SIZE);
        Ok((piece, last.map_or(ExportProgress::Done, |last| ExportProgress::After(Some(last.cursor())))))
    }
}

fn parse_form(params: &QueryParams) -> AuditForm {
    let field = |name| params.get(name).unwrap_or_default().to_owned();
    AuditForm {
        who: field("who"),
        realm: field("realm"),
        event: field("event"),
        result: field("result"),
        address: field("address"),
        from: field("from"),
        until: field("until"),
    }
}

/// Parses the position where the list continues: the moment and the number of the last event before it.
fn parse_cursor(after: Option<&str>) -> Option<AuditCursor> {
    let (at, id) = after?.split_once('-')?;
    Some(AuditCursor { at: Timestamp::from_millis(at.parse().ok()?), id: id.parse().ok()? })
}
