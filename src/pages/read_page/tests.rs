#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::Duration;

use super::super::PageFile;
use super::read_page;
use crate::config::{Diagnostic, Diagnostics};
use crate::domain::{Access, Audience, HealthState, History, InputKind};
use crate::panels::{Panel, Unit};

const FILE: &str = "pages/ops.toml";

fn read(text: &str) -> Result<PageFile, Diagnostics> {
    read_page(Path::new(FILE), text)
}

/// The one diagnostic of `text`.
fn diagnostic(text: &str) -> Diagnostic {
    let diagnostics = read(text).expect_err(text);
    assert_eq!(diagnostics.len(), 1, "{text}\n{diagnostics}");
    diagnostics.into_iter().next().unwrap()
}

/// A page with one panel that is right but for `line`, which is its sixth.
fn panel(line: &str) -> String {
    format!("title = \"T\"\n[[panel]]\ntitle = \"P\"\nsource = \"host\"\nquery = \"load.1\"\n{line}\n")
}

/// A page with one input that is right but for `line`, which is its fifth.
fn input(line: &str) -> String {
    format!("title = \"T\"\n[[input]]\nname = \"city\"\nkind = \"radio\"\n{line}\n")
}

#[track_caller]
fn expect(cases: &[(String, &str, &str, &str)]) {
    for (text, location, message, help) in cases {
        let diagnostic = diagnostic(text);
        assert_eq!(diagnostic.location.to_string(), format!("{FILE}:{location}"), "{text}\n{diagnostic}");
        assert!(diagnostic.message.contains(message), "{text}\n{diagnostic}");
        assert!(diagnostic.help.contains(help), "{text}\n{diagnostic}");
    }
}

#[test]
fn a_whole_page_is_read_as_meant() {
    let page = read(
        r#"
title = "Operations"
about = "What runs"
access = { groups = ["dash-ops"], users = ["alice"] }
owner = "the desk"
order = 3
keep = true
show_source = true
[[input]]
name = "city"
label = "City"
kind = "dropdown"
options = [{ value = "LA", label = "Los Angeles", zone = "A/B" }, { value = "NYC", zone = "C/D" }]
default = "NYC"
[[panel]]
title = "Disk, used"
kind = "line"
source = "host"
query = "time {city.zone}"
every = "1s"
window = "1h"
unit = "req/min"
decimals = 2
thresholds = [{ at = 80, state = "warn" }, { at = 95.5, state = "bad" }, { at = 1, state = "warn", below = true }]
[[panel]]
kind = "text"
text = "**{city}** {city.zone} {{}}"
"#,
    )
    .unwrap();
    let audience = Audience { groups: vec!["dash-ops".parse().unwrap()], users: vec!["alice".parse().unwrap()] };
    assert_eq!((page.slug.as_str(), page.access), ("ops", Access::Only(audience)));
    assert_eq!((page.order, page.keep, page.show_source, page.owner.as_deref()), (3, true, true, Some("the desk")));
    let city = &page.inputs[0];
    assert_eq!((city.kind, city.default, city.label.as_str()), (InputKind::Dropdown, 1, "City"));
    assert_eq!((city.options[0].label.as_str(), city.options[1].label.as_str()), ("Los Angeles", "NYC"));
    assert_eq!(city.options[1].fields["zone"], "C/D");
    let disk = &page.panels[0];
    assert_eq!((disk.id.as_str(), disk.span, disk.decimals), ("disk-used", 6, Some(2)));
    assert_eq!(disk.unit, Unit::Other("req/min".into()));
    assert_eq!((disk.kind.word, disk.past().window), ("line", Some(Duration::from_hours(1))));
    assert_eq!(
        disk.thresholds.iter().map(|t| t.state).collect::<Vec<_>>(),
        [HealthState::Warn, HealthState::Bad, HealthState::Warn]
    );
    let source = disk.source.as_ref().unwrap();
    assert_eq!((&page.text[source.query_span.clone()], source.query.as_str()), ("\"time {city.zone}\"", "time {city.zone}"));
    assert_eq!(&page.text[source.source_span.clone()], "\"host\"");
    assert_eq!((source.every, source.stale_after), (Duration::from_secs(1), Duration::from_secs(5)));
    assert!(page.panels[1].source.is_none());
    assert_eq!((page.panels[1].id.as_str(), page.panels[1].span), ("text", 12));
}

#[test]
fn a_page_may_take_a_second_factor_of_anybody_or_of_those_it_names() {
    let of = |access: &str| read(&format!("access = {access}\n{}", panel("kind = \"stat\""))).unwrap();
    let everybody = of("{ factor = 2 }");
    assert_eq!((everybody.access, everybody.second_factor), (Access::SignedIn, true));
    let some = of("{ groups = [\"dash-ops\"], factor = 2 }");
    assert!(matches!(some.access, Access::Only(_)) && some.second_factor);
    let one = of("{ users = [\"alice\"], factor = 1 }");
    assert!(matches!(one.access, Access::Only(_)) && !one.second_factor);
    assert!(!of("\"signed-in\"").second_factor);
}

#[test]
fn what_is_left_out_has_a_sensible_value() {
    let page = read(&panel("kind = \"stat\"")).unwrap();
    assert_eq!((page.access, page.order, page.keep, page.show_source), (Access::SignedIn, 100, false, false));
    let panel = &page.panels[0];
    let source = panel.source.as_ref().unwrap();
    assert_eq!((source.every, source.stale_after), (Duration::from_secs(5), Duration::from_secs(15)));
    assert_eq!((panel.span, &panel.unit), (3, &Unit::None));
    assert_eq!((panel.kind.word, panel.past().window), ("stat", None));
    let quick = read(&self::panel("kind = \"line\"\nevery = \"100ms\"")).unwrap();
    assert_eq!(quick.panels[0].past().window, Some(Duration::from_mins(6)));
}

#[test]
fn a_text_panel_is_there_from_the_start_with_the_inputs_values() {
    let page = read(&format!("{}[[panel]]\nkind = \"text\"\ntext = \"**{{city}}**\"\n", input("options = [\"NYC\"]"))).unwrap();
    let frame = Panel::new(&page.panels[0], &[("city".to_owned(), "NYC".to_owned())].into()).frame(&History::default());
    let view = serde_json::json!({ "kind": "text", "html": "<p><strong>NYC</strong></p>\n" });
    assert_eq!((frame.at, serde_json::to_value(frame.view).unwrap()), (None, view));
}

#[test]
fn diagnostics_of_the_page_itself_have_location_and_help() {
    expect(&[
        (String::new(), "1:1", "`title` is missing", "title = \"Operations\""),
        ("titel = \"T\"\ntitle = \"T\"".into(), "1:1", "no key `titel`", "did you mean `title`?"),
        ("title = \"T\"\n  zzzzzz = 1".into(), "2:3", "no key `zzzzzz`", "write one of `title`, `about`, `access`"),
        ("title = 5".into(), "1:9", "must be text, not a whole number", "title = \"…\""),
        ("title = \" \"".into(), "1:9", "is empty", "between the quotes"),
        ("title = \"a\\nb\"".into(), "1:9", "has a line break", "in one line"),
        ("title = \"a\\u0000b\"".into(), "1:9", "another control character", "in one line"),
        ("title = \"T\"\norder = \"first\"".into(), "2:9", "whole number, not text", "without quotes"),
        ("title = \"T\"\nkeep = \"yes\"".into(), "2:8", "`yes`, which is not a duration", "15m"),
        ("title = \"T\"\nkeep = 30".into(), "2:8", "`true`, `false` or a time, not a whole number", "30d"),
        ("title = \"T\"\nkeep = \"1s\"".into(), "2:8", "`keep`", "1m"),
        ("title = \"T\"\naccess = \"signed_in\"".into(), "2:10", "cannot be `signed_in`", "did you mean `signed-in`?"),
        ("title = \"T\"\naccess = {}".into(), "2:10", "names nobody", "name a group"),
        ("title = \"T\"\naccess = { factor = 3 }".into(), "2:21", "more than 2", "from 1 to 2"),
        ("title = \"T\"\naccess = { factor = true }".into(), "2:21", "must be a whole number", ""),
        ("title = \"T\"\naccess = { groups = [], factor = 2 }".into(), "2:10", "names nobody", "name a group"),
        ("title = \"T\"\naccess = { group = [\"a\"], users = [\"b\"] }".into(), "2:12", "no key `group`", "`groups`?"),
        ("title = \"T\"\naccess = { groups = \"ops\" }".into(), "2:21", "must be a list", "[\"…\", \"…\"]"),
        ("title = \"T\"\naccess = { groups = [\"ops\", \"\"] }".into(), "2:29", "is empty", "between the quotes"),
        ("title = \"T\"\npanel = 3".into(), "2:9", "must be a list", "brackets"),
        ("title = \"Ä\"\ntitle = \"T\"".into(), "2:1", "duplicate key", "keep one of them"),
        ("title = \"T\"\n[panel]\nkind = \"text\"".into(), "2:1", "`[panel]` is a heading in one pair", "write `[[panel]]`"),
        (input("options = [\"a\"]\naccess = \"public\""), "6:1", "`access` is the page's", "above the first"),
        (input("options = [\"a\"]\ntitle = \"x\""), "6:1", "`title` is the page's", "above the first"),
        ("title = \"T\"\n[input]\nname = \"a\"".into(), "2:1", "`[input]` is a heading in one pair", "write `[[input]]`"),
    ]);
}

#[test]
fn diagnostics_of_panels_have_location_and_help() {
    expect(&[
        (panel("kind = \"gage\""), "6:8", "cannot be `gage`", "did you mean `gauge`?"),
        (panel("span = 3"), "2:1", "`kind` is missing", "kind = \"stat\""),
        (panel("kind = \"stat\"\nunit = \"percnt\""), "7:8", "none of the known units", "did you mean `percent`?"),
        (panel("kind = \"stat\"\nunit = \"Bytes\""), "7:8", "none of the known units", "did you mean `bytes`?"),
        (panel("kind = \"stat\"\nunit = \"celcius\""), "7:8", "none of the known units", "did you mean `celsius`?"),
        (panel("kind = \"stat\"\naccess = \"public\""), "7:1", "`access` is the page's", "above the first"),
        (
            panel("kind = \"stat\"\nthresholds = { at = 80, state = \"warn\" }"),
            "7:14",
            "`thresholds` must be a list, not a table",
            "`thresholds = [{ … }]`",
        ),
        (panel("kind = \"stat\"\nspan = 13"), "7:8", "is 13, more than 12", "from 1 to 12"),
        (panel("kind = \"stat\"\nspan = 0"), "7:8", "is 0, less than 1", "from 1 to 12"),
        (panel("kind = \"stat\"\nevery = \"50ms\""), "7:9", "is 50ms, less than 100ms", "from 100ms to 1d"),
        (panel("kind = \"stat\"\nevery = 5"), "7:9", "must be text with a unit", "`every = \"5s\"` is in seconds"),
        (panel("kind = \"line\"\nthresholds = [80]"), "7:15", "each of `thresholds` must be a table", "in braces: `{ … }`"),
        (panel("kind = \"line\"\nlink = \"x\""), "7:1", "no key `link`", "write one of"),
        (panel("kind = \"stat\"\nevery = \"5 sec\""), "7:9", "not a duration", "ms, s, m, h, d"),
        (panel("kind = \"stat\"\nstale_after = \"1s\""), "7:15", "shorter than `every`", "leave it out"),
        (
            panel("kind = \"line\"\nwindow = \"6h\""),
            "7:10",
            "4320 points, and 3600",
            "`every = \"7s\"`, or look back at most 5h",
        ),
        (panel("kind = \"stat\"\nwindow = \"1h\""), "7:1", "there is none", "sparkline = true"),
        (panel("kind = \"stat\"\nrows = 5"), "7:1", "`stat` has no `rows`", "belongs to the kinds `table`"),
        (panel("kind = \"stat\"\ncolor = \"red\""), "7:1", "no key `color`", "write one of `kind`, `title`"),
        (panel("kind = \"gauge\""), "2:1", "`max` is missing", "max = 64"),
        (panel("kind = \"gauge\"\nunit = \"percent\"\nmin = 100"), "2:1", "from 100 to 100", "below the `max`"),
        (panel("kind = \"line\"\nmin = 5\nmax = 5"), "8:7", "not above the `min`", "above"),
        (panel("kind = \"line\"\nmax = inf"), "7:7", "not finite", "ordinary number"),
        (panel("kind = \"bar\"\nmax = 0"), "7:7", "no bar could be drawn", "above 0"),
        (panel("kind = \"table\"\ncolumns = [\"a\", \"a\"]"), "7:17", "stands twice", "one of them out"),
        (panel("kind = \"stat\"\ndecimals = 10"), "7:12", "more than 9", "from 0 to 9"),
        (panel("kind = \"stat\"\nid = \"Big CPU\""), "7:6", "cannot be `Big CPU`", "a-z, 0-9"),
        (panel("kind = \"stat\"\nthresholds = [{ at = 80 }]"), "7:15", "`state` is missing", "state = \"warn\""),
        (panel("kind = \"stat\"\nthresholds = [{ at = 8, state = \"worn\" }]"), "7:33", "cannot be `worn`", "`warn`?"),
        (
            panel("kind = \"stat\"\nthresholds = [{ at = 80, state = \"bad\" }, { at = 95, state = \"warn\" }]"),
            "7:43",
            "`warn` at 95 could never be seen, because `bad` begins at 80 already",
            "further out",
        ),
        (
            panel(
                "kind = \"stat\"\nthresholds = [{ at = 5, state = \"warn\", below = true }, { at = 9, state = \"bad\", below = true }]",
            ),
            "7:15",
            "`warn` at 5 could never be seen",
            "further out",
        ),
        (
            format!(
                "{}[[panel]]\ntitle = \"P\"\nkind = \"stat\"\nsource = \"host\"\nquery = \"q\"\n",
                panel("kind = \"stat\"")
            ),
            "8:9",
            "another panel has the id `p` already, in line 3",
            "`id = \"p-2\"`",
        ),
    ]);
}

#[test]
fn diagnostics_of_texts_and_of_what_panels_need_have_location_and_help() {
    let page = |body: &str| format!("title = \"T\"\n{body}\n");
    let radio = "[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [{ value = \"LA\", zone = \"Z\" }]\n";
    expect(&[
        (page("[[panel]]\nkind = \"text\""), "2:1", "`text` is missing", "Markdown"),
        (page("[[panel]]\nkind = \"text\"\ntext = \"a\"\nquery = \"q\""), "5:1", "`text` has no `query`", "`stat`"),
        (page("[[panel]]\nkind = \"text\"\ntext = \"a {city}\""), "4:11", "names no input", "add an `[[input]]`"),
        (page("[[panel]]\nkind = \"text\"\ntext = \"a {city\""), "4:8", "has no '}'", "`{city}`"),
        (page(&format!("{radio}[[panel]]\nkind = \"text\"\ntext = \"ä {{citi}}\"")), "8:11", "no input", "`city`?"),
        (page(&format!("{radio}[[panel]]\nkind = \"text\"\ntext = \"{{city.zon}}\"")), "8:9", "no field `zon`", "`zone`?"),
        (page("[[panel]]\nkind = \"stat\"\ntitle = \"P\"\nsource = \"host\""), "2:1", "`query` is missing", "cpu.total"),
        (page("[[panel]]\nkind = \"stat\"\ntitle = \"P\"\nquery = \"q\""), "2:1", "`source` is missing", "host"),
        (page("[[panel]]\nkind = \"stat\"\nsource = \"host\"\nquery = \"q\""), "2:1", "`title` is missing", "title ="),
        (
            page("[[panel]]\nkind = \"stat\"\ntitle = \"日本\"\nsource = \"host\"\nquery = \"q\""),
            "4:9",
            "no id can be made",
            "id = \"cpu\"",
        ),
    ]);
}

#[test]
fn diagnostics_of_inputs_have_location_and_help() {
    expect(&[
        (input("options = []"), "5:11", "nothing could be chosen", "at least one"),
        (input("options = [1]"), "5:12", "each of `options` must be text, not a whole number", "in quotes: `\"…\"`"),
        (input("options = [\"a\", \"a\"]"), "5:17", "another option is `a`", "take one of them out"),
        (input("options = [\"LA\", \"NYC\"]\ndefault = \"NY\""), "6:11", "not among the options", "`NYC`?"),
        (input("options = [{ label = \"a\" }]"), "5:12", "`value` is missing", "value = \"NYC\""),
        (input("options = [{ value = \"a\", zone = \"z\" }, \"b\"]"), "5:41", "has no `zone`", "same fields"),
        (input("options = [\"a\", { value = \"b\", zone = \"z\" }]"), "5:17", "has a `zone`", "same fields"),
        (input("options = [{ value = \"a\", \"Zone X\" = \"z\" }]"), "5:27", "cannot be called `Zone X`", "a-z"),
        (input("label = \"City\""), "2:1", "`options` is missing", "options = [\"LA\""),
        (input("").replace("radio", "text"), "4:8", "`kind` cannot be `text`", "`dropdown`, `radio`"),
        (
            "title = \"T\"\n[[input]]\nname = \"a\"\nkind = \"text\"\noptions = [\"a\"]".into(),
            "4:8",
            "cannot be `text`",
            "write one of `dropdown`, `radio`",
        ),
        (
            format!("{}[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [\"a\"]\n", input("options = [\"a\"]")),
            "7:8",
            "another input has the name `city` already, in line 3",
            "city-2",
        ),
    ]);
}

#[test]
fn every_error_is_found_in_one_go_from_top_to_bottom() {
    let text = "titel = \"T\"\norder = \"x\"\n[[panel]]\nkind = \"line\"\nspan = 99\nevery = \"1ms\"\nuint = \"percent\"\n";
    let diagnostics = read(text).unwrap_err();
    let lines: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.location.line_and_column().unwrap().0).collect();
    assert_eq!(lines, [1, 1, 2, 3, 3, 3, 5, 6, 7], "{diagnostics}");
}

#[test]
fn all_broken_syntax_is_found_in_one_go() {
    let diagnostics = read("title = Operations\nabout = \"x\norder = 1\n[[panel\n").unwrap_err();
    let lines: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.location.line_and_column().unwrap().0).collect();
    assert_eq!(lines, [1, 2, 4], "{diagnostics}");
}

#[test]
fn a_file_whose_name_is_no_address_is_refused() {
    for name in ["pages/Big Board.toml", "pages/.toml", "pages/ä.toml", "/"] {
        let diagnostics = read_page(Path::new(name), "title = \"T\"").unwrap_err();
        assert!(diagnostics.to_string().contains("rename the file"), "{diagnostics}");
    }
}

#[test]
fn a_diagnostic_is_shown_with_its_line_and_a_marker() {
    let diagnostics = read("title = \"T\"\naccess = \"pubic\"\n").unwrap_err();
    let shown = diagnostics.render(false);
    assert!(shown.contains("pages/ops.toml:2:10"), "{shown}");
    assert!(shown.contains("access = \"pubic\"\n"), "{shown}");
    assert!(shown.contains("^^^^^^^"), "{shown}");
    assert!(shown.contains("help: did you mean `public`?"), "{shown}");
    assert!(!shown.contains('\u{1b}') && diagnostics.render(true).contains('\u{1b}'));
}

#[test]
fn a_diagnostic_in_parts_has_all_that_a_page_needs() {
    let report = diagnostic("title = \"T\"\naccess = \"pubic\"\n").to_report();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "place": "pages/ops.toml:2:10", "file": "pages/ops.toml", "variable": null, "line": 2, "column": 10,
            "text": "access = \"pubic\"", "message": "`access` cannot be `pubic`",
            "help": "did you mean `public`? (or name people: `access = { groups = [\"dash-ops\"], users = [\"alice\"] }`)",
        })
    );
}

#[test]
fn a_diagnostic_found_later_stands_at_the_query() {
    let page = read(&panel("kind = \"stat\"")).unwrap();
    let span = page.panels[0].source.as_ref().unwrap().query_span.clone();
    let diagnostic = page.diagnostic(span, "the host knows no `load.1`", "did you mean `load.5`?");
    assert_eq!(diagnostic.location.to_string(), "pages/ops.toml:5:9");
    assert_eq!(diagnostic.to_report().text.as_deref(), Some("query = \"load.1\""));
    // A span from another text is no reason to fall over.
    let far = page.diagnostic(5_000..usize::MAX, "m", "h");
    assert!(Diagnostics::from(far).render(true).contains("pages/ops.toml"));
}

#[test]
fn every_sample_page_is_read_without_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let mut slugs = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let page = read_page(&file, &text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert!(page.show_source, "{} teaches", page.slug);
        slugs.push(page.slug.to_string());
    }
    slugs.sort();
    assert_eq!(slugs, ["cities", "colours", "operations", "this-machine", "web-service", "welcome"]);
}

#[test]
fn nothing_that_can_be_written_makes_it_fall_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let sample = std::fs::read_to_string(folder.join("cities.toml")).unwrap();
    let chars: Vec<char> = sample.chars().collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        // xorshift64: the same mangling in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    let odd: Vec<char> = "\"'{}[]=.,#\\\n\r\t\0\u{feff}ä€😀-0".chars().collect();
    for _ in 0..600 {
        let mut text = chars.clone();
        for _ in 0..=next(6) {
            if text.is_empty() {
                break;
            }
            let at = next(text.len());
            match next(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, odd[next(odd.len())]),
                2 => text[at] = odd[next(odd.len())],
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(diagnostics) = read(&text) {
            assert!(!diagnostics.is_empty(), "refused without a reason:\n{text}");
            assert!(!diagnostics.render(true).is_empty() && diagnostics.to_reports().len() == diagnostics.len());
        }
    }
}

#[test]
fn neither_depth_nor_length_makes_it_fall_over() {
    for text in [
        format!("title = {}", "[".repeat(100_000)),
        format!("title = {}", "{a=".repeat(60_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
        format!("title = \"T\"\nzz = {{ {}a = 1 }}", "a.".repeat(100_000)),
        "title = \"T\"\n".repeat(20_000),
        format!("title = \"T\"\n{}", "[[panel]]\n".repeat(20_000)),
        "x".repeat(200_000),
    ] {
        let diagnostics = read(&text).unwrap_err();
        assert!(
            !diagnostics.is_empty()
                && diagnostics.iter().all(|diagnostic| Diagnostics::from(diagnostic.clone()).render(false).len() < 5_000)
        );
    }
}

#[test]
fn a_faulty_input_is_the_only_fault_however_much_refers_to_it() {
    let referring = "[[panel]]\nkind = \"text\"\ntext = \"In {city}, {city.zone}\"\n[[panel]]\nkind = \"text\"\nid = \"b\"\ntext = \"{town}\"\n";
    let town = "[[input]]\nname = \"town\"\nkind = \"radio\"\noptions = [\"a\"]\n";
    for (line, message) in [
        ("kind = \"dropdwn\"\noptions = [\"LA\"]", "`kind` cannot be"),
        ("kind = \"radio\"\noptions = []", "`options` is empty"),
        ("kind = \"radio\"\noptions = [\"LA\", 5]", "must be text"),
        ("kind = \"radio\"\noptions = [\"LA\", \"LA\"]", "already"),
        ("kind = \"radio\"", "`options` is missing"),
        ("kind = \"radio\"\noptions = [\"LA\"]\ndefault = \"NYC\"", "not among the options"),
    ] {
        let text = format!("title = \"T\"\n[[input]]\nname = \"city\"\n{line}\n{town}{referring}");
        assert!(diagnostic(&text).message.contains(message), "{line}: {}", diagnostic(&text));
    }
    let nameless = format!("title = \"T\"\n[[input]]\nname = \"C!\"\nkind = \"radio\"\noptions = [\"LA\"]\n{town}{referring}");
    assert!(diagnostic(&nameless).message.contains("`name` cannot be"), "{}", diagnostic(&nameless));
}

#[test]
fn the_value_of_an_option_and_its_fields_may_be_empty() {
    let page = |options: &str| read(&input(&format!("options = {options}\ndefault = \"\""))).unwrap();
    let city = &page("[{ value = \"LA\", tag = \"x\" }, { value = \"\", label = \"All\", tag = \"\" }]").inputs[0];
    let all = &city.options[1];
    assert_eq!((all.value.as_str(), all.label.as_str(), all.fields["tag"].as_str(), city.default), ("", "All", "", 1));
    let page = page("[\"\", \"LA\"]");
    assert_eq!((page.inputs[0].options[0].value.as_str(), page.inputs[0].options[0].label.as_str()), ("", "–"));
    expect(&[(input("options = [\"\", \"\"]"), "5:16", "another option is", "stands once")]);
}

#[test]
fn a_link_or_image_that_leads_nowhere_is_a_fault_that_names_its_line() {
    let page = |text: &str| format!("title = \"T\"\n[[panel]]\nkind = \"text\"\ntext = \"\"\"\nWords\n{text}\n\"\"\"\n");
    expect(&[
        (page("see [it](javascript:alert(1))"), "6:10", "`javascript:alert(1)` of this link leads nowhere", "https://"),
        (page("see [it](//elsewhere.example/x)"), "6:10", "of this link", "/p/operations"),
        (page("[it][1]\n\n[1]: ftp://files.corp/x"), "8:6", "`ftp://files.corp/x` of this link", "https://"),
        (page("![logo](https://elsewhere.example/x.png)"), "6:9", "of this image", "/p/operations"),
    ]);
    for right in [
        "[a](welcome)",
        "[a](../account)",
        "[a](#x)",
        "[a](tel:+431)",
        "<it@corp.example>",
        "<https://corp.example>",
        "![a](/static/x.png)",
    ] {
        assert!(read(&page(right)).is_ok(), "{right}");
    }
}
