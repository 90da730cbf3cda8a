use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The labels of a series, its metric's name among them.
pub(super) type Metric = BTreeMap<String, String>;

/// The labels of readings, made of the labels of series: the values of all that the query does not fix, so that a line keeps its
/// label whichever others come and go. Two that would be the same have the names with the values.
pub(super) struct SeriesLabels<'q> {
    fixed: &'q BTreeSet<String>,
}

impl<'q> SeriesLabels<'q> {
    /// The labels for a query that fixes these.
    pub(super) fn of_query(fixed: &'q BTreeSet<String>) -> Self {
        Self { fixed }
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

    /// `db1:9100, node`
    fn values(&self, metric: &Metric) -> String {
        let varying = metric.iter().filter(|(name, _)| !self.fixed.contains(*name));
        varying.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// `instance="db1:9100", job="node"`
fn full(metric: &Metric) -> String {
    metric.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect::<Vec<_>>().join(", ")
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
        let labels = SeriesLabels::of_query(&fixed);
        let one = metric(&[("__name__", "up"), ("instance", "db1"), ("job", "node")]);
        let other = metric(&[("__name__", "up"), ("instance", "db2"), ("job", "node"), ("zone", "eu")]);
        assert_eq!(labels.of([&one, &other].into_iter()), ["db1", "db2, eu"]);
        assert_eq!(labels.of([&one].into_iter()), ["db1"], "whichever others there are");
        assert_eq!(labels.of([&metric(&[])].into_iter()), [""]);
    }

    #[test]
    fn series_with_the_same_values_are_told_apart() {
        let fixed = BTreeSet::new();
        let labels = SeriesLabels::of_query(&fixed);
        let (one, other, third) = (metric(&[("from", "a")]), metric(&[("to", "a")]), metric(&[("to", "b")]));
        assert_eq!(labels.of([&one, &other, &third].into_iter()), ["from=\"a\"", "to=\"a\"", "b"]);
    }
}
