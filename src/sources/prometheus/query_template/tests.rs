#![allow(clippy::unwrap_used)]

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr};

use super::*;

fn bound(query: &str, value: &str) -> Result<String, String> {
    let bind = |template: PromqlTemplate| template.bind(&[("x".to_owned(), value.to_owned())].into());
    PromqlTemplate::parse(query).and_then(bind).map_err(|error| error.0)
}

/// Values by which visitors try to get out of a string, a regular expression or a number.
const HOSTILE: [&str; 22] = [
    "\"",
    "'",
    "`",
    "\\",
    "\\\"",
    "\\\\\"",
    "\"} or up{x=\"",
    "'} or up{x='",
    "a\nb",
    "a\0b",
    ".*",
    "a|b",
    "(?i)A",
    "[a-z]",
    "a{1,}",
    "\\E.*",
    "\\x22",
    "$x",
    "${x}",
    "# no",
    "Zürich \u{202e}",
    "\r\n\t\u{7f}",
];

#[test]
fn a_value_in_a_matcher_is_the_labels_value_and_nothing_else() {
    for quote in ['"', '\'', '`'] {
        for value in HOSTILE {
            let query = bound(&format!("up{{host={quote}a$x{quote},job!={quote}b{quote}}}"), value).unwrap();
            let Ok(Expr::VectorSelector(selector)) = parser::parse(&query) else { panic!("{value:?}: {query}") };
            let found: Vec<_> = selector.matchers.matchers.iter().map(|m| (&*m.name, &*m.value)).collect();
            assert_eq!(found, [("host", &*format!("a{value}")), ("job", "b")], "{query}");
            assert!(selector.matchers.matchers[0].op == MatchOp::Equal && selector.matchers.or_matchers.is_empty(), "{query}");
        }
    }
}

#[test]
fn a_value_in_a_regular_expression_matches_itself_alone() {
    for operator in ["=~", "!~"] {
        for quote in ['"', '\'', '`'] {
            for value in HOSTILE {
                let query = bound(&format!("up{{host{operator}{quote}(?:a|$x).*{quote}}}"), value).unwrap();
                let Ok(Expr::VectorSelector(selector)) = parser::parse(&query) else { panic!("{value:?}: {query}") };
                let [matcher] = selector.matchers.matchers.as_slice() else { panic!("{query}") };
                let (MatchOp::Re(regex) | MatchOp::NotRe(regex)) = &matcher.op else { panic!("{query}") };
                assert!(regex.is_match(&format!("{value}z")) && regex.is_match("az"), "{query}");
                assert!(!regex.is_match("zzz") && !regex.is_match("Az"), "{query}");
            }
        }
    }
}

#[test]
fn a_bare_value_is_a_number_or_a_duration() {
    assert_eq!(bound("topk($x, load)", "5").unwrap(), "topk(5, load)");
    assert_eq!(bound("load > $x", "1.5e-3").unwrap(), "load > 1.5e-3");
    assert_eq!(bound("rate(hits[$x])", "1h30m").unwrap(), "rate(hits[1h30m])");
    assert_eq!(bound("rate(hits[5m:$x])", "30s").unwrap(), "rate(hits[5m:30s])");
    assert_eq!(bound("hits offset -$x", "500ms").unwrap(), "hits offset -500ms");
    for (query, wrong) in [
        ("topk($x, load)", ["", "-1", "+1", "1 or up", "1)", "0x10", "NaN", ".5", "1e", "1.", "5m"]),
        ("rate(hits[$x])", ["", "5", "m", "5m]", "5 m", "-5m", "5m:1m", "5q", "1m1h", "1m1m", "5ms1s"]),
    ] {
        for value in wrong {
            assert!(bound(query, value).is_err(), "{query} {value:?}");
        }
        assert!(bound(query, &format!("{}m", "1".repeat(40))).is_err() && bound(query, &"1".repeat(40)).is_err());
    }
}

#[test]
fn a_value_where_none_can_be_bound_is_refused_with_its_place() {
    for (query, words) in [
        ("sum by ($x) (up)", "at character 9: `$x` would be part of a name"),
        ("sum by (job, $x) (up)", "`$x` would be part of a name"),
        ("a / on($x) b", "`$x` would be part of a name"),
        ("node_$x", "at character 6: `$x` would be part of a name"),
        ("$x$x", "`$x` would be part of a name"),
        ("up{$x=\"a\"}", "`$x` would be part of a name"),
        ("up{host=$x}", "`$x` would be part of a name"),
        ("{\"$x\"}", "in the string of a label's matcher, as in `{host=\"$x\"}`"),
        ("label_replace(up, \"a\", \"$x\", \"b\", \"(.*)\")", "a group of a regular expression is written `${x}`"),
        ("up{host=~\"a\\\\$x\"}", "a backslash cannot stand before an input"),
        ("up{host=~`a\\$x`}", "a backslash cannot stand before an input"),
        ("up{host=\"${x}\"}", "write `$host`"),
        ("rate(up[$__rate_interval])", "is a variable of Grafana's"),
        ("up{host=\"$Host\"}", "the name of an input"),
        ("up{host=\"$x_\"}", "the name of an input"),
        ("up{host=\"a", "at character 10: a string that begins there never ends"),
        ("up{host=\"a\n\"}", "a string that begins there never ends"),
        ("$", "the name of an input"),
    ] {
        let error = bound(query, "a").unwrap_err();
        assert!(error.contains(words), "{query}: {error}");
    }
}

fn template_without_legend(query: &str) -> bool {
    PromqlTemplate::parse(query).unwrap().legend().is_none()
}

#[test]
fn strings_and_comments_without_inputs_stay_as_they_are() {
    let query = "label_replace(up, `b`, '$1 ${name}', \"a\", \"(.*)$\") # of $x and \"\nor up";
    let without_comment = "label_replace(up, `b`, '$1 ${name}', \"a\", \"(.*)$\") \nor up";
    assert_eq!(bound(query, "a").unwrap(), without_comment);
    let with_legend = PromqlTemplate::parse("up # legend: {{host}} #1\n# and more").unwrap();
    assert_eq!(with_legend.legend(), Some(&LegendTemplate::parse("{{host}} #1")));
    assert!(template_without_legend("up{a=\"# legend: {{b}}\"} # of all"));
    let template = PromqlTemplate::parse("up{a=\"$city_zone\", b=~\"$city|$city\"} > $least").unwrap();
    assert_eq!(template.placeholders().map(|placeholder| &*placeholder.key).collect_vec(), ["city.zone", "city", "least"]);
    assert!(template.bind(&Bindings::new()).unwrap_err().0.contains("{city.zone} has no value"));
    assert!(PromqlTemplate::parse(&"x".repeat(MAX_QUERY_BYTES + 1)).is_err());
}
