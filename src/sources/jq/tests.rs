#![allow(clippy::unwrap_used)]

mod manual;

use std::time::{Duration, Instant};

use super::filters::FilterCache;
use crate::domain::{Holder, LabelledNumber, Placeholder, Reading};
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::filter_workers::{FilterRequest, MAX_RUN_TIME};

/// How long a run may go on past its time, for the step it is in to end.
const GRACE: Duration = Duration::from_secs(1);

fn variables(text: &str) -> Result<Vec<Placeholder>, String> {
    FilterCache::new().placeholders(text).map_err(|error| error.0)
}

async fn run_with(text: &str, answer: &str, values: &[(&str, &str)]) -> Result<Reading, String> {
    let request = FilterRequest {
        filter: text.to_owned(),
        host: "stock.corp".to_owned(),
        bindings: values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        now: 1_795_309_126_500,
        memory_bytes: u64::MAX,
    };
    on_threads().run(&request, answer.as_bytes(), &Holder::Program).await.map_err(|error| error.to_string())
}

async fn run(text: &str, answer: &str) -> Result<Reading, String> {
    run_with(text, answer, &[]).await
}

/// Runs a filter that must be stopped, and returns the error message.
async fn stop_message(text: &str) -> String {
    let began = Instant::now();
    let message = run(text, "[1,2,3]").await.unwrap_err();
    assert!(began.elapsed() < MAX_RUN_TIME + GRACE * 2, "{text} took {:?}", began.elapsed());
    message
}

fn text(words: &str) -> Reading {
    Reading::Text(words.to_owned())
}

#[tokio::test]
async fn a_filter_picks_from_the_answer() {
    let answer = r#"{"rates":{"EUR":1.25,"CHF":"x"},"items":[{"n":"a","v":2},{"n":"b","v":3}]}"#;
    assert_eq!(run(".rates.EUR", answer).await, Ok(Reading::Number(1.25)));
    assert_eq!(run("[.items[].v] | add", answer).await, Ok(Reading::Number(5.0)));
    assert_eq!(run("[.items[] | .v * 2] | max", answer).await, Ok(Reading::Number(6.0)));
    assert_eq!(run(".items | map(.n) | join(\", \")", answer).await, Ok(text("a, b")));
    assert_eq!(run("reduce .items[] as {$v} (0; . + $v)", answer).await, Ok(Reading::Number(5.0)));
    assert_eq!(run("(.items[].v |= . + 1) | .items[0].v", answer).await, Ok(Reading::Number(3.0)));
    assert_eq!(run("(.items[].v *= 10) | .items[1].v", answer).await, Ok(Reading::Number(30.0)));
    assert_eq!(run("def f(x): if x > 9 then x else f(x * 2) end; f(3)", answer).await, Ok(Reading::Number(12.0)));
    assert_eq!(run("[limit(3; repeat(1))] | length", answer).await, Ok(Reading::Number(3.0)));
    assert_eq!(run("[recurse(if . < 3 then . + 1 else empty end)] | length", "0").await, Ok(Reading::Number(4.0)));
    assert_eq!(run("[.. | numbers] | length", answer).await, Ok(Reading::Number(3.0)));
    assert_eq!(run("[range(0; 10; 2)] | length", answer).await, Ok(Reading::Number(5.0)));
    assert_eq!(run("\"<\\(.rates.EUR)>\" | @html", answer).await, Ok(text("&lt;1.25&gt;")));
    assert_eq!(run("\"ab\" * 2", answer).await, Ok(text("abab")));
    assert_eq!(run("with_entries(.value |= length) | .items", answer).await, Ok(Reading::Number(2.0)));
    assert_eq!(run("del(.rates) | keys[0]", answer).await, Ok(text("items")));
    assert_eq!(run("[1, \"a\", {b: null}] | tojson", answer).await, Ok(text(r#"[1,"a",{"b":null}]"#)));
    assert_eq!(run("\"[1,2]\" | fromjson | .[1]", answer).await, Ok(Reading::Number(2.0)));
    assert_eq!(run("label $out | .items[] | if .v > 2 then .n, break $out else empty end", answer).await, Ok(text("b")));
}

#[tokio::test]
async fn a_chosen_value_is_a_variable_and_never_part_of_the_filter() {
    let answer = r#"{"LA":1,"NYC":2}"#;
    assert_eq!(run_with(".[$city]", answer, &[("city", "NYC")]).await, Ok(Reading::Number(2.0)));
    let escape = "\"] | error(\"got out\") | .[\"";
    let result = run_with(".[$city]", answer, &[("city", escape)]).await;
    assert_eq!(result, Err("the filter found nothing in the answer".to_owned()));
    assert_eq!(run_with("$city", answer, &[("city", escape)]).await, Ok(text(escape)));
    assert_eq!(run("$city_zone", answer).await, Err("{city.zone} has no value".to_owned()));
    assert_eq!(run_with("$city_zone", answer, &[("city.zone", "A/B")]).await, Ok(text("A/B")));
}

#[test]
fn the_values_a_filter_uses_are_named_as_placeholders() {
    let used = |text: &str| variables(text).unwrap().into_iter().map(|used| used.key).collect::<Vec<_>>();
    assert_eq!(used(". as $x | $x[$city] + $city_zone + $city"), ["city", "city.zone"]);
    assert_eq!(used("$data__center_time_zone"), ["data_center.time_zone"]);
    assert_eq!(used("reduce .[] as {$v} (0; . + $v)"), [""; 0]);
    assert_eq!(used("def f($a): $a; {$city, (\"k\" + $b): \"\\($c)\"}[$d]"), ["city", "b", "c", "d"]);
}

#[test]
fn a_mistake_is_told_where_it_is_and_what_may_be_meant() {
    let error = |text: &str| variables(text).err().unwrap();
    assert_eq!(error(".a | lenght"), "there is no filter 'lenght'; did you mean 'length'?");
    assert_eq!(error("map"), "there is a filter 'map', but none that takes 0 arguments");
    assert_eq!(error(".a | )"), "the filter cannot be read at character 6: a ')' does not belong there");
    assert_eq!(error("\"ä\" | .a .. 1"), "the filter cannot be read at character 10: expected nothing, found '..'");
    assert!(error(".a | [.b").contains("belongs a closing bracket"), "{}", error(".a | [.b"));
    assert!(error(".a |").contains("ends too soon"), "{}", error(".a |"));
    assert!(error("").contains("ends too soon"), "{}", error(""));
    assert!(error(&".".repeat(5000)).contains("longer than"));
    assert!(error("(. as $x | 1) | $x").contains("there is no variable $x"));
}

#[test]
fn a_filter_reaches_nothing_but_the_answer() {
    for text in [
        "env",
        "$ENV",
        "$ENV.HOME",
        "input",
        "inputs",
        "halt",
        "halt(0)",
        "halt_error",
        "debug",
        "stderr",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "$__prog_args",
        "input_filename",
        "get_search_list",
        "$__loc__",
        "panel__",
        "a::b",
    ] {
        // Its own name is the one thing it can reach: an endless filter, which is stopped when it runs.
        assert!(text == "panel__" || variables(text).is_err(), "{text} was compiled");
    }
    assert!(variables("env").err().unwrap().contains("left out"));
}

#[tokio::test]
async fn an_endless_filter_is_stopped_and_told_why() {
    for text in [
        "[range(1e12)]",
        "def f: f; f",
        "def f: ., f; [f]",
        "last(repeat(1))",
        "[recurse(. + [1])] | length",
        "until(false; .)",
        "[while(true; .)]",
        "last(range(0; 1; 0))",
        "[.[] | range(1e6) | range(1e6)]",
        "[limit(1e12; repeat(.))]",
        "def f: try f catch f; f",
        "def f: try error catch f; f",
        "reduce range(1e9) as $i (0; . + $i)",
        "[foreach range(1e9) as $i (0; . + $i)]",
        "first(repeat(empty))",
        "label $out | repeat(1) | empty",
        "[combinations(1000)]",
        "panel__",
    ] {
        assert!(stop_message(text).await.starts_with("the filter was stopped: it"), "{text}");
    }
}

#[tokio::test]
async fn a_filter_that_calls_itself_too_deeply_does_not_take_the_program_with_it() {
    for text in ["def f: 1 + f; f", "def f: [f]; f", "def f: {a: f}; f", "def f: f | f; f", "def f(g): f(g | g); f(.)"] {
        assert!(stop_message(text).await.starts_with("the filter was stopped: it"), "{text}");
    }
    for text in [
        "reduce range(1e6) as $i (.; [.])",
        "reduce range(1e6) as $i (.; {a: .})",
        "until(false; [.])",
        "last(recurse([.]))",
        "reduce range(1e6) as $i (.; .[0] |= [.])",
    ] {
        assert!(stop_message(text).await.starts_with("the filter was stopped: it"), "{text}");
    }
    // Just within the budget, and through every native step that goes down into a value, and dropped again.
    for step in [
        "length",
        "tojson",
        "tostring",
        ". == .",
        "[., .] | unique",
        "[., .] | sort_by(.)",
        "[..] | length",
        "[paths] | length",
        "flatten",
        "walk(.)",
        "contains(.)",
        "@json",
        "(.. |= .)",
        "[paths(type == \"number\")]",
        "index([1])",
        "add",
        "- .",
        "error(.)",
        "\"\\(.)\"",
        ". as [[[$x]]] | $x",
        "del(..)",
        "[.[] | .]",
        "to_entries",
        "@base64",
        "ascii_downcase",
        "{a: .} * {a: {b: .}}",
    ] {
        let result = run(&format!("reduce range(45000) as $i (1; [.]) | {step}"), "1").await;
        assert_eq!(result, Err("the filter was stopped: it goes too deep".to_owned()));
        // Hidden between other entries, it is still no deeper than the stack can bear.
        let _ = run(&format!("reduce range(38000) as $i (1; [0, ., 0]) | {step}"), "1").await;
    }
}

#[tokio::test]
async fn a_pattern_that_grows_out_of_hand_stays_where_it_is() {
    for text in ["test(\"((((a{100}){100}){100}){100})\")", "test(\"(a*)*b\")", "test(\"(a|a)*b\")"] {
        let began = Instant::now();
        let _ = run(text, &format!("\"{}\"", "a".repeat(1000))).await;
        assert!(began.elapsed() < (MAX_RUN_TIME + GRACE) * 2, "{text} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_filter_cannot_build_what_does_not_fit() {
    for text in [
        "\"x\" * 1e10",
        "1e10 * \"x\"",
        "reduce range(60) as $i (\"x\"; . + .)",
        "reduce range(60) as $i (\"x\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i ([1]; . + .)",
        "\"x\" | (. *= 1e10)",
        "reduce range(60) as $i (1; [., .]) | tojson",
        "reduce range(60) as $i (1; [., .]) | \"\\(.)\"",
        "reduce range(60) as $i (1; [., .]) | @json",
        "reduce range(60) as $i (1; [., .]) | tostring | length",
        "reduce range(60) as $i (1; [., .]) | @base64",
    ] {
        assert_eq!(stop_message(text).await, "the filter was stopped: it builds too large a value", "{text}");
    }
    assert!(matches!(run("reduce range(40) as $i (3; . * .)", "1").await, Ok(Reading::Number(n)) if n.is_infinite()));
    assert!(run("[range(20000)]", "1").await.unwrap_err().contains("more than 10000 entries"));
    assert!(run("range(20000)", "1").await.unwrap_err().contains("more than 10000 results"));
}

#[tokio::test]
async fn an_error_repeats_nothing_of_the_answer() {
    let answer = r#"{"token":"hunter2","list":["hunter2"]}"#;
    for (filter, expected) in [
        (".token.a", "the filter failed: it cannot look into a text with a text"),
        (".list.a", "the filter failed: it cannot look into an array with a text"),
        (". - 1", "the filter failed: it cannot calculate with an object and a number"),
        (".token[]", "the filter failed: it cannot use a text as iterable (array or object)"),
        (".token | fromjson", "the filter failed: fromjson was given something that is not JSON"),
        (".token | tonumber", "the filter failed: tonumber was given something that is not a number"),
        (".list | toboolean", "the filter failed: toboolean was given something that is neither true nor false"),
        (".token | error", "the filter failed with a text that may be of the answer, and is not told"),
        ("error(\"no \\(.token)\")", "the filter failed with a text that may be of the answer, and is not told"),
        (".token | strptime(\"%Y\")", "the filter failed: strptime was given a text that is not of this format"),
        (".list[5] = 1", "the filter failed: an index is beyond the end of its array"),
        ("true | length", "the filter failed: a boolean has no length"),
        (".list | @csv \"\\([.])\"", "the filter failed: @csv takes a row of numbers, texts, booleans and nulls"),
        ("error", "the filter failed with an object"),
        (".list | error", "the filter failed with an array"),
        ("error(\"no stock\")", "the filter failed: no stock"),
    ] {
        assert_eq!(run(filter, answer).await, Err(expected.to_owned()), "{filter}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_json_says_where_it_stops_being_it() {
    assert_eq!(run(".", "{\n \"a\": }").await, Err("stock.corp did not answer with JSON (line 2, column 7)".to_owned()));
    let page = run(".", " <!doctype html>").await.unwrap_err();
    assert_eq!(page, "stock.corp did not answer with JSON, but a web page (line 1, column 2)");
    assert_eq!(run(".", "  \n").await, Err("stock.corp answered with nothing".to_owned()));
    let deep = "[".repeat(100_000);
    assert_eq!(run(".", &deep).await.unwrap_err(), "stock.corp answered with JSON that is nested deeper than 128 levels");
    assert!(run("fromjson", &format!("\"{deep}\"")).await.is_err());
}

#[tokio::test]
async fn now_is_the_time_of_the_clock_that_was_passed_in() {
    assert_eq!(run("now", "1").await, Ok(Reading::Number(1_795_309_126.5)));
}

#[tokio::test]
async fn text_nested_as_deeply_as_it_may_be_long_is_read_and_run() {
    let nested = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
    let reading = run(&nested, "1").await;
    assert!(reading.is_ok() || reading.is_err_and(|error| error.contains("too deep")));
    let negated = format!("{}1", "-".repeat(4000));
    assert_eq!(run(&negated, "1").await, Ok(Reading::Number(1.0)));
    let piped = format!(".{}", "|.".repeat(2000));
    assert_eq!(run(&piped, "1").await, Ok(Reading::Number(1.0)));
}

#[tokio::test]
async fn labelled_numbers_keep_their_order() {
    let labelled = |label: &str, value| LabelledNumber { label: label.to_owned(), value };
    let reading = run("{b: 1, a: 2}", "1").await;
    assert_eq!(reading, Ok(Reading::Numbers(vec![labelled("b", 1.0), labelled("a", 2.0)])));
}
