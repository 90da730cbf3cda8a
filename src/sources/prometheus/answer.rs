//! The answers of the query API: `/api/v1/query` and `/api/v1/query_range`.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde::Deserialize;

use super::labels::{Metric, SeriesLabels};
use crate::domain::{LabelledNumber, Reading, Series, SeriesLine, Timestamp};
use crate::sources::SourceError;
use crate::sources::http_client::HttpResponse;
use crate::sources::text::truncated;

/// The most series of one answer: more cannot be looked at, and every viewer would receive them.
const MAX_SERIES: usize = 10_000;

/// Characters of the server's own words.
const MAX_ERROR_CHARS: usize = 300;

/// Characters of a text that is the answer: every viewer receives it.
const MAX_TEXT_CHARS: usize = 512;

/// An answer, with what the server says of it.
#[derive(Debug)]
pub(super) struct QueryAnswer {
    pub(super) data: QueryData,
    /// Why it may not be the whole truth: a part of the storage did not answer. Each on one line, and not long.
    pub(super) warnings: Vec<String>,
}

/// The data of an answer.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum QueryData {
    Scalar(Sample),
    String((f64, String)),
    Vector(Vec<InstantSeries>),
    Matrix(Vec<RangeSeries>),
}

/// A value and its time, in seconds since the Unix epoch.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sample(f64, String);

/// One series, at one moment. Without a value it is a histogram.
#[derive(Debug, Deserialize)]
pub(super) struct InstantSeries {
    metric: Metric,
    value: Option<Sample>,
}

/// One series, over time.
#[derive(Debug, Deserialize)]
pub(super) struct RangeSeries {
    metric: Metric,
    values: Option<Vec<Sample>>,
}

#[derive(Deserialize)]
struct ApiAnswer {
    status: String,
    data: Option<QueryData>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
}

impl QueryAnswer {
    /// Reads an answer of `host`.
    ///
    /// # Errors
    /// The server's own error, in its words; or that it is no answer of this API.
    pub(super) fn parse(host: &str, response: &HttpResponse) -> Result<Self, SourceError> {
        let Ok(answer) = serde_json::from_slice::<ApiAnswer>(&response.body) else {
            return Err(SourceError::BadAnswer(match response.status {
                StatusCode::NOT_FOUND => format!("{host} answered 404: the url is what stands before `/api/v1/query` there"),
                status if status.is_success() => {
                    format!("{host} does not answer as Prometheus does: the url is what stands before `/api/v1/query` there")
                }
                status => format!("{host} answered {}", status.as_u16()),
            }));
        };
        match (answer.status.as_str(), answer.data) {
            ("success", Some(data)) => {
                let warnings = answer.warnings.unwrap_or_default();
                Ok(Self { data, warnings: warnings.iter().map(|warning| on_one_line(warning)).collect() })
            }
            _ => Err(api_error(host, answer.error_type.as_deref().unwrap_or_default(), &answer.error.unwrap_or_default())),
        }
    }
}

/// The error that the server tells.
fn api_error(host: &str, kind: &str, words: &str) -> SourceError {
    let message = format!("{host} says: {}", on_one_line(words));
    match kind {
        "timeout" | "canceled" => SourceError::TimedOut(message),
        "execution" if words.contains("too many") || words.contains("exceed") => SourceError::OverLimits(message),
        "bad_data" | "execution" => SourceError::BadQuery(message),
        _ => SourceError::BadAnswer(message),
    }
}

/// The server's own words, on one line.
fn on_one_line(words: &str) -> String {
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_ERROR_CHARS + 1).collect();
    truncated(&words, MAX_ERROR_CHARS)
}

impl QueryData {
    /// The reading of an instant query.
    ///
    /// # Errors
    /// When there are too many series, or no numbers.
    pub(super) fn into_reading(self, labels: &SeriesLabels<'_>) -> Result<Reading, SourceError> {
        match self {
            Self::Scalar(sample) => Ok(Reading::Number(sample.value())),
            Self::String((_, text)) => Ok(Reading::Text(truncated(&text, MAX_TEXT_CHARS))),
            Self::Matrix(lines) => series(lines, labels).map(Reading::Series),
            Self::Vector(all) => {
                check_count(all.len())?;
                let names = labels.of(all.iter().map(|series| &series.metric));
                let value = |(label, series): (String, InstantSeries)| {
                    let value = series.value.ok_or_else(histogram)?.value();
                    Ok(LabelledNumber { label, value })
                };
                let mut numbers = names.into_iter().zip(all).map(value).collect::<Result<Vec<_>, SourceError>>()?;
                Ok(match numbers.as_mut_slice() {
                    [number] if number.label.is_empty() => Reading::Number(number.value),
                    _ => Reading::Numbers(numbers),
                })
            }
        }
    }

    /// The series of a range query.
    ///
    /// # Errors
    /// When there are too many values, or no numbers.
    pub(super) fn into_series(self, labels: &SeriesLabels<'_>) -> Result<Series, SourceError> {
        match self {
            Self::Matrix(lines) => series(lines, labels),
            _ => Err(SourceError::BadAnswer("the server did not answer a question for the past with series".to_owned())),
        }
    }
}

impl Sample {
    /// Its number. Not finite where nobody can tell.
    fn value(&self) -> f64 {
        self.1.parse().unwrap_or(f64::NAN)
    }

    fn time(&self) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our era are far below 2^53, and others saturate")]
        let millis = (self.0 * 1000.0).round() as i64;
        Timestamp::from_millis(millis)
    }
}

/// The lines on the times of all of them.
fn series(lines: Vec<RangeSeries>, labels: &SeriesLabels<'_>) -> Result<Series, SourceError> {
    check_count(lines.len())?;
    let names = labels.of(lines.iter().map(|line| &line.metric));
    let samples = lines.into_iter().map(|line| line.values.ok_or_else(histogram)).collect::<Result<Vec<_>, _>>()?;
    let times: BTreeSet<Timestamp> = samples.iter().flatten().map(Sample::time).collect();
    let times: Vec<Timestamp> = times.into_iter().collect();
    if times.len().saturating_mul(samples.len()) > Series::MAX_VALUES {
        let (lines, times) = (samples.len(), times.len());
        return Err(SourceError::TooLarge(format!(
            "the answer has {lines} series of {times} values; let the query pick fewer"
        )));
    }
    let line = |(label, samples): (String, Vec<Sample>)| {
        let mut values = vec![f64::NAN; times.len()];
        for sample in &samples {
            if let Ok(place) = times.binary_search(&sample.time()) {
                values[place] = sample.value();
            }
        }
        SeriesLine { label, values }
    };
    let lines = names.into_iter().zip(samples).map(line).collect();
    Series::new(times, lines, None).map_err(|error| SourceError::BadAnswer(error.to_string()))
}

fn check_count(series: usize) -> Result<(), SourceError> {
    if series > MAX_SERIES {
        let message =
            format!("the answer has {series} series, and {MAX_SERIES} are the most; let the query pick fewer, or sum them up");
        return Err(SourceError::TooLarge(message));
    }
    Ok(())
}

fn histogram() -> SourceError {
    SourceError::BadAnswer(
        "the answer has histograms in place of numbers; let the query make numbers of them, as `histogram_quantile(0.9, …)` does"
            .to_owned(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(status: u16, body: &str) -> Result<QueryAnswer, SourceError> {
        let status = StatusCode::from_u16(status).unwrap();
        QueryAnswer::parse(
            "prom.corp",
            &HttpResponse { status, headers: reqwest::header::HeaderMap::new(), body: body.as_bytes().to_vec() },
        )
    }

    fn data(kind: &str, result: &str) -> QueryData {
        let answer = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#);
        parse(200, &answer).unwrap().data
    }

    fn reading(kind: &str, result: &str) -> Result<Reading, SourceError> {
        data(kind, result).into_reading(&SeriesLabels::of_query(&BTreeSet::from(["__name__".to_owned()]), None))
    }

    #[test]
    fn each_type_of_result_is_a_reading() {
        assert_eq!(reading("scalar", r#"[1435781451.781,"1.5"]"#).unwrap(), Reading::Number(1.5));
        assert_eq!(reading("string", r#"[1435781451.781,"up"]"#).unwrap(), Reading::Text("up".to_owned()));
        let long = reading("string", &format!("[1,\"{}\"]", "x".repeat(5_000))).unwrap();
        assert!(long.text().is_some_and(|text| text.chars().count() == MAX_TEXT_CHARS + 1));
        assert_eq!(reading("vector", r#"[{"metric":{},"value":[1,"7"]}]"#).unwrap(), Reading::Number(7.0));
        assert_eq!(reading("vector", "[]").unwrap(), Reading::Numbers(Vec::new()));
        let two = r#"[{"metric":{"__name__":"up","host":"b"},"value":[1,"NaN"]},{"metric":{"host":"a"},"value":[1,"+Inf"]}]"#;
        let Reading::Numbers(numbers) = reading("vector", two).unwrap() else { panic!("no numbers") };
        assert!(numbers[0].label == "b" && numbers[0].value.is_nan() && numbers[1].value.is_infinite(), "{numbers:?}");
    }

    #[test]
    fn lines_stand_on_common_times_with_gaps() {
        let lines = r#"[{"metric":{"host":"a"},"values":[[1,"1"],[3.5,"3"]]},{"metric":{"host":"b"},"values":[[2,"2"]]}]"#;
        let Reading::Series(series) = reading("matrix", lines).unwrap() else { panic!("no series") };
        assert_eq!(series.times(), [1_000, 2_000, 3_500].map(Timestamp::from_millis));
        assert_eq!(series.lines()[1].values[1].to_bits(), 2f64.to_bits());
        assert!(series.lines()[0].values[1].is_nan() && series.lines()[1].values[2].is_nan());
        let empty = data("matrix", "[]").into_series(&SeriesLabels::of_query(&BTreeSet::new(), None)).unwrap();
        assert!(empty.times().is_empty());
    }

    #[test]
    fn a_histogram_and_too_many_series_are_told() {
        let histogram = r#"[{"metric":{},"histogram":[1,{"count":"1","sum":"2"}]}]"#;
        assert!(reading("vector", histogram).unwrap_err().to_string().contains("histogram_quantile"));
        let many = format!("[{}]", vec![r#"{"metric":{},"value":[1,"1"]}"#; MAX_SERIES + 1].join(","));
        assert!(matches!(reading("vector", &many).unwrap_err(), SourceError::TooLarge(_)));
        let long: Vec<_> = (0..20_000).map(|second| format!("[{second},\"1\"]")).collect();
        let line = |host: usize| format!(r#"{{"metric":{{"host":"{host}"}},"values":[{}]}}"#, long.join(","));
        let wide = format!("[{}]", (0..30).map(line).collect::<Vec<_>>().join(","));
        assert!(reading("matrix", &wide).unwrap_err().to_string().contains("30 series of 20000 values"));
    }

    #[test]
    fn an_error_is_told_in_the_servers_words_and_an_answer_of_another_server_as_such() {
        let api = |kind: &str, words: &str| {
            parse(422, &format!(r#"{{"status":"error","errorType":"{kind}","error":"{words}"}}"#)).unwrap_err()
        };
        let error = api("bad_data", "1:5: parse error:\\nunexpected end");
        assert_eq!(error, SourceError::BadQuery("prom.corp says: 1:5: parse error: unexpected end".to_owned()));
        assert!(matches!(api("timeout", "query timed out"), SourceError::TimedOut(_)));
        assert!(matches!(api("execution", "query processing would load too many samples"), SourceError::OverLimits(_)));
        assert!(matches!(api("execution", "many-to-many matching not allowed"), SourceError::BadQuery(_)));
        assert!(api("internal", &"x".repeat(5_000)).to_string().len() < 400);
        assert!(parse(404, "404 page not found").unwrap_err().to_string().contains("what stands before `/api/v1/query`"));
        assert!(parse(200, "<html>").unwrap_err().to_string().contains("does not answer as Prometheus does"));
        assert_eq!(parse(502, "Bad Gateway").unwrap_err().to_string(), "prom.corp answered 502");
        let partial = r#"{"status":"success","warnings":["store down"],"data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(parse(200, partial).unwrap().warnings, ["store down"]);
        let long = partial.replace("store down", &format!("a\\nb{}", "x".repeat(5_000)));
        let warning = parse(200, &long).unwrap().warnings.remove(0);
        assert!(warning.starts_with("a b") && warning.chars().count() == MAX_ERROR_CHARS + 1, "{warning}");
    }
}
