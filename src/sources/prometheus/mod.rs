//! The source kind `prometheus`: a server with Prometheus' query API (Prometheus, VictoriaMetrics, Mimir, Thanos), and PromQL.
//!
//! The admin decides which server is asked, with what credentials ([`http_client`](super::http_client)); a visitor's value is bound
//! where [`query_template`] can prove that it stays a value. A query is asked for the present, and a chart's window is filled by
//! asking for its past. [`syntax`] checks what authors write, [`answer`] reads what the server says.

mod answer;
mod labels;
mod query_template;
mod syntax;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use itertools::Itertools as _;
use quick_cache::sync::Cache;
use url::form_urlencoded;

use self::answer::QueryAnswer;
use self::labels::SeriesLabels;
use self::query_template::PromqlTemplate;
use self::syntax::QuerySyntax;
use super::filter_workers::FilterWorkers;
use super::http_client::{HttpBody, HttpClient, HttpClientDefaults, HttpClientSettings, HttpRequest};
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{QueryError, Source, SourceError};
use crate::config::{Fields, OutboundSettings, Setting, SettingRow, word};
use crate::domain::{BoundQuery, Clock, Placeholder, Reading, Series, TimeRange, Timestamp};

/// The kind `prometheus`.
pub(super) const KIND: SourceKind =
    SourceKind::Named { word: "prometheus", sample: "metrics", about: "a server that is queried in PromQL", read, rows };

/// A window of a hundred lines is some MiB.
static CLIENT_DEFAULTS: HttpClientDefaults = HttpClientDefaults {
    about_url: "The address of the server, up to what stands before `/api/v1/query`. It can contain inputs in its path and query string.",
    url_example: "\"http://prometheus.corp.example.com:9090\"",
    max_bytes: 8 * 1024 * 1024,
    about_max_bytes: "The largest answer. The past of a chart with many lines is the largest.",
};

const DIALECT: &str = "dialect";

const DIALECTS: [(&str, Dialect); 2] = [("promql", Dialect::PromQl), ("metricsql", Dialect::MetricsQl)];

/// The number of parsed queries that are cached: a feed executes the same one every second.
const MAX_CACHED_QUERIES: usize = 8_192;

/// The number of warnings that are remembered, so that each is logged once.
const MAX_KNOWN_WARNINGS: usize = 64;

/// How many milliseconds there are at least between two warnings: one that has a time or a host in it is another each time.
const WARNING_INTERVAL: u64 = 60_000;

/// The most times in the past of a line: a chart has no more. The server refuses more than 11,000.
const MAX_TIMES: u128 = 4_000;

/// The language of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    PromQl,
    /// VictoriaMetrics' own, which has more than PromQL: only the server can tell whether a query is right.
    MetricsQl,
}

/// The table of a source of this kind.
#[derive(Debug)]
struct PrometheusSettings {
    client: HttpClientSettings,
    dialect: Dialect,
}

/// A source of kind `prometheus`.
struct Prometheus {
    client: HttpClient,
    dialect: Dialect,
    parsed: Cache<String, Arc<PromqlQuery>>,
    known_warnings: Cache<String, ()>,
    /// When the last one was logged, in milliseconds since the Unix epoch.
    warned_at: AtomicI64,
    clock: Arc<dyn Clock>,
}

/// A parsed query.
struct PromqlQuery {
    template: PromqlTemplate,
    syntax: QuerySyntax,
}

impl PromqlQuery {
    fn labels(&self) -> SeriesLabels<'_> {
        SeriesLabels::of_query(&self.syntax.fixed_labels, self.template.legend())
    }
}

fn dialect() -> Setting<Dialect> {
    word(&DIALECTS)
}

fn rows() -> Vec<SettingRow> {
    let about =
        "The language of queries. With `metricsql`, VictoriaMetrics' own, queries are not checked before they are asked.";
    [HttpClientSettings::rows(&CLIENT_DEFAULTS), dialect().into_rows(DIALECT, about)].concat()
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let client = HttpClientSettings::read(&mut fields, &CLIENT_DEFAULTS);
    let dialect = dialect().take_from(&mut fields, DIALECT);
    fields.finish();
    Some(Box::new(PrometheusSettings { client: client?, dialect: dialect? }))
}

impl SourceSettings for PrometheusSettings {
    fn set_outbound(&mut self, outbound: &OutboundSettings) {
        self.client.set_outbound(outbound);
    }

    fn open(&self, clock: &Arc<dyn Clock>, _: &Arc<FilterWorkers>) -> Opened {
        Ok(Box::new(Prometheus {
            client: HttpClient::open(&self.client, clock)?,
            dialect: self.dialect,
            parsed: Cache::new(MAX_CACHED_QUERIES),
            known_warnings: Cache::new(MAX_KNOWN_WARNINGS),
            warned_at: AtomicI64::new(i64::MIN),
            clock: Arc::clone(clock),
        }))
    }

    fn exposure(&self) -> Option<String> {
        self.client.exposure()
    }
}

impl Prometheus {
    fn parsed(&self, query: &str) -> Result<Arc<PromqlQuery>, QueryError> {
        self.parsed.get_or_insert_with(query, || {
            let template = PromqlTemplate::parse(query)?;
            let syntax = match (QuerySyntax::parse(&template.sample()), self.dialect) {
                (Ok(syntax), _) => syntax,
                (Err(error), Dialect::PromQl) => return Err(error),
                (Err(_), Dialect::MetricsQl) => QuerySyntax::of_unknown_language(),
            };
            Ok(Arc::new(PromqlQuery { template, syntax }))
        })
    }

    /// Asks one of the API's endpoints.
    async fn ask(
        &self,
        endpoint: &str,
        query: &BoundQuery,
        promql: &PromqlQuery,
        times: &[(&str, String)],
    ) -> Result<QueryAnswer, SourceError> {
        let mut url = self.client.url_template().bind(&query.bindings)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", endpoint]);
        }
        let body = self.form(&promql.template.bind(&query.bindings)?, times);
        let response = self.client.send(HttpRequest::post(url, body).reading_refusals()).await?;
        let answer = QueryAnswer::parse(&self.client.url_template().host(), &response)?;
        self.log_warnings(query, &answer.warnings);
        Ok(answer)
    }

    /// The parameters of a request. With the time limit the server gives up when nobody waits any more.
    fn form(&self, query: &str, times: &[(&str, String)]) -> HttpBody {
        let timeout = format!("{}ms", self.client.timeout().as_millis());
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("query", query).append_pair("timeout", &timeout).extend_pairs(times);
        HttpBody { content_type: "application/x-www-form-urlencoded", text: form.finish() }
    }

    /// Logs what the server says of its own answer, each once, and one a minute at most.
    fn log_warnings(&self, query: &BoundQuery, warnings: &[String]) {
        for warning in warnings {
            if self.known_warnings.get(warning).is_none() && self.may_warn() {
                self.known_warnings.insert(warning.clone(), ());
                tracing::warn!(source = %query.source, warning, "the source warns that its answers may not be whole");
            }
        }
    }

    /// Whether the last warning was long enough ago. Then the next one has to wait again.
    fn may_warn(&self) -> bool {
        let (now, last) = (self.clock.now().as_millis(), self.warned_at.load(Ordering::Relaxed));
        let is_due = now.abs_diff(last) >= WARNING_INTERVAL;
        if is_due {
            self.warned_at.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

#[async_trait]
impl Source for Prometheus {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let promql = self.parsed(query)?;
        Ok(self.client.url_template().placeholders().chain(promql.template.placeholders()).unique().cloned().collect())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let promql = self.parsed(&query.text)?;
        let answer = self.ask("query", query, &promql, &[]).await?;
        answer.data.into_reading(&promql.labels())
    }

    async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        let promql = self.parsed(&query.text)?;
        if promql.syntax.is_range {
            return Ok(None);
        }
        let answer = self.ask("query_range", query, &promql, &times_of(range)).await?;
        answer.data.into_series(&promql.labels()).map(Some)
    }

    fn rate(&self) -> Option<u32> {
        Some(self.client.rate())
    }
}

/// The times of a range query, at multiples of the step, so that whoever asks again is told the values of the same moments.
fn times_of(range: TimeRange) -> [(&'static str, String); 3] {
    let length = range.to().since(range.from()).as_millis();
    let least = length.div_ceil(MAX_TIMES).max(1);
    let step = range.step().map_or(least, |step| step.as_millis().max(least));
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let start = Timestamp::from_millis(range.from().as_millis() - range.from().as_millis().rem_euclid(step));
    [("start", seconds(start)), ("end", seconds(range.to())), ("step", seconds(Timestamp::from_millis(step)))]
}

fn seconds(time: Timestamp) -> String {
    let millis = time.as_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

#[cfg(test)]
mod tests;
