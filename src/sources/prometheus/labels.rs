use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::sources::text::truncated;

/// Characters of a label: every viewer receives it.
const MAX_LABEL_CHARS: usize = 512;

/// The labels of a series, its metric's name among them.
pub(super) type Metric = BTreeMap<String, String>;

/// The labels of readings, made of the labels of series: the values of all that the query does not fix, so that a line keeps its
/// label whichever others come and go. Two that would be the same have the names with the values.
pub(super) struct SeriesLabels<'q> {
    fixed: &'q BTreeSet<String>,
    legend: Option<&'q LegendTemplate>,
}

/// The label of a series as the author of a query wants it: `{{instance}} {{mode}}`, as in Grafana.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LegendTemplate(Vec<LegendPart>);

#[derive(Debug, PartialEq, Eq)]
enum LegendPart {
    Text(String),
    /// The value of the label of this name; empty where a series has none.
    Label(String),
}

impl LegendTemplate {
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) =
            rest.split_once("{{").and_then(|(before, tail)| tail.split_once("}}").map(|(name, after)| (before, name, after)))
        {
            parts.extend([LegendPart::Text(before.to_owned()), LegendPart::Label(name.trim().to_owned())]);
            rest = after;
        }
        parts.push(LegendPart::Text(rest.to_owned()));
        Self(parts)
    }

    fn fill(&self, metric: &Metric) -> String {
        let part = |part: &LegendPart| match part {
            LegendPart::Text(text) => text.clone(),
            LegendPart::Label(name) => metric.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }
}

impl<'q> SeriesLabels<'q> {
    /// The labels for a query that fixes these, and perhaps has a legend.
    pub(super) fn of_query(fixed: &'q BTreeSet<String>, legend: Option<&'q LegendTemplate>) -> Self {
        Self { fixed, legend }
    }

    /// A label for each series.
    pub(super) fn of<'m>(&self, all: impl Iterator<Item = &'m Metric> + Clone) -> Vec<String> {
        let mut labels: Vec<String> = all.clone().map(|metric| self.values(metric)).collect();
        let mut counts = HashMap::new();
        for label in &labels {
            *counts.entry(label.clone()).or_insert(0) += 1;
        }
        for (label, metric) in labels.iter_mut().zip(all) {
            if counts.get(label).is_some_and(|count| *count > 1) {
                *label = full(metric);
            }
        }
        labels
    }

    /// `db1:9100, node`, or what the legend makes of it.
    fn values(&self, metric: &Metric) -> String {
        if let Some(legend) = self.legend {
            return legend.fill(metric);
        }
        let varying = metric.iter().filter(|(name, _)| !self.fixed.contains(*name));
        truncated(&varying.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", "), MAX_LABEL_CHARS)
    }
}

/// `instance="db1:9100", job="node"`
fn full(metric: &Metric) -> String {
    let pairs: Vec<_> = metric.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    truncated(&pairs.join(", "), MAX_LABEL_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(labels: &[(&str, &str)]) -> Metric {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_label_has_the_values_that_the_query_leaves_open() {
        let fixed = BTreeSet::from(["__name__".to_owned(), "job".to_owned()]);
        let labels = SeriesLabels::of_query(&fixed, None);
        let one = metric(&[("__name__", "up"), ("instance", "db1"), ("job", "node")]);
        let other = metric(&[("__name__", "up"), ("instance", "db2"), ("job", "node"), ("zone", "eu")]);
        assert_eq!(labels.of([&one, &other].into_iter()), ["db1", "db2, eu"]);
        assert_eq!(labels.of([&one].into_iter()), ["db1"], "whichever others there are");
        assert_eq!(labels.of([&metric(&[])].into_iter()), [""]);
        let value = "x".repeat(5_000);
        let long = metric(&[("instance", value.as_str())]);
        assert_eq!(labels.of([&long].into_iter())[0].chars().count(), MAX_LABEL_CHARS + 1, "and an ellipsis");
    }

    #[test]
    fn a_legend_says_what_a_series_is_called() {
        let named = |legend: &str, labels: &[(&str, &str)]| {
            let (fixed, legend) = (BTreeSet::new(), LegendTemplate::parse(legend));
            SeriesLabels::of_query(&fixed, Some(&legend)).of([&metric(labels)].into_iter()).remove(0)
        };
        assert_eq!(named("{{host}} ({{ mode }})", &[("host", "db"), ("mode", "idle"), ("job", "x")]), "db (idle)");
        assert_eq!(named("{{host}}{{none}}!", &[("host", "{{mode}}"), ("mode", "idle")]), "{{mode}}!");
        assert_eq!(named("{host} {{host", &[("host", "db")]), "{host} {{host");
    }

    #[test]
    fn series_with_the_same_values_are_told_apart() {
        let fixed = BTreeSet::new();
        let labels = SeriesLabels::of_query(&fixed, None);
        let (one, other, third) = (metric(&[("from", "a")]), metric(&[("to", "a")]), metric(&[("to", "b")]));
        assert_eq!(labels.of([&one, &other, &third].into_iter()), ["from=\"a\"", "to=\"a\"", "b"]);
    }
}
