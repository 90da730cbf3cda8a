//! What jq's manual says of its filters, and what it gives here.

use super::*;

/// A filter, its input, and all of its results as jq 1.8 writes them.
const AS_IN_JQ: &[(&str, &str, &str)] = &[
    // Paths and indexes.
    (".[0.0], .[1.9], .[-1.0]", "[1,2,3]", "1,2,3"),
    (".[length / 2]", "[1,2,3,4]", "3"),
    (".[.[0]]", "[1.0,7]", "7"),
    (".[0.9:2.1]", "[1,2,3,4]", "[1,2,3]"),
    (".[1:], .[:-1], .[-2:]", "\"abc\"", "\"bc\",\"ab\",\"bc\""),
    ("nth(1.0), first, last", "[5,6,7]", "6,5,7"),
    ("getpath([\"a\",\"b\"])", "null", "null"),
    ("getpath([\"a\",1,\"b\"])", "{\"a\":[0,{\"b\":5}]}", "5"),
    ("[getpath([\"a\",\"b\"], [\"a\",\"c\"])]", "{\"a\":{\"b\":0,\"c\":1}}", "[0,1]"),
    ("setpath([\"a\",\"b\"]; 1)", "null", "{\"a\":{\"b\":1}}"),
    ("setpath([0,\"a\"]; 1)", "null", "[{\"a\":1}]"),
    ("setpath([2]; 1)", "[]", "[null,null,1]"),
    ("setpath([-1]; 9)", "[1,2]", "[1,9]"),
    ("setpath([]; 1)", "5", "1"),
    ("delpaths([[\"a\",\"b\"]])", "{\"a\":{\"b\":1},\"x\":{\"y\":2}}", "{\"a\":{},\"x\":{\"y\":2}}"),
    ("delpaths([[0],[1],[9]])", "[1,2,3]", "[3]"),
    ("del(.foo)", "{\"foo\":1,\"bar\":2}", "{\"bar\":2}"),
    ("del(.[1, 2])", "[\"a\",\"b\",\"c\"]", "[\"a\"]"),
    ("del(.[] | select(. > 1))", "[1,5,0,7]", "[1,0]"),
    ("del(.a.b)", "{\"a\":null}", "{\"a\":null}"),
    ("pick(.a, .b.c, .x)", "{\"a\":1,\"b\":{\"c\":2,\"d\":3},\"e\":4}", "{\"a\":1,\"b\":{\"c\":2},\"x\":null}"),
    ("pick(.[2], .[0], .[0])", "[1,2,3,4]", "[1,null,3]"),
    ("path(.a[0].b)", "null", "[\"a\",0,\"b\"]"),
    ("[paths]", "[1,[[],{\"a\":2}]]", "[[0],[1],[1,0],[1,1],[1,1,\"a\"]]"),
    ("[paths(type == \"number\")]", "[1,[[],{\"a\":2}]]", "[[0],[1,1,\"a\"]]"),
    ("[leaf_paths]", "{\"a\":[1],\"b\":2}", "[[\"a\",0],[\"b\"]]"),
    (".[] |= . + 1", "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":3}"),
    (".a.b += 1", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2}}"),
    (".a = .b", "{\"a\":{\"b\":10},\"b\":20}", "{\"a\":20,\"b\":20}"),
    // Objects and their entries.
    ("keys, length", "{\"b\":1,\"a\":2}", "[\"a\",\"b\"],2"),
    ("to_entries", "{\"a\":1}", "[{\"key\":\"a\",\"value\":1}]"),
    (
        "from_entries",
        "[{\"key\":\"a\",\"value\":1},{\"k\":\"b\",\"v\":2},{\"name\":\"c\",\"Value\":3}]",
        "{\"a\":1,\"b\":2,\"c\":3}",
    ),
    ("from_entries", "[{\"name\":1,\"value\":null},{\"key\":false,\"value\":2}]", "{\"1\":null,\"false\":2}"),
    ("with_entries(.key |= \"x_\" + .)", "{\"a\":1}", "{\"x_a\":1}"),
    ("map_values(. // empty)", "{\"a\":null,\"b\":true,\"c\":false}", "{\"b\":true}"),
    (
        "{user, title: .titles[]}",
        "{\"user\":\"s\",\"titles\":[1,2]}",
        "{\"user\":\"s\",\"title\":1},{\"user\":\"s\",\"title\":2}",
    ),
    ("{(.a): 1}, {\"b\": 2, @base64 \"x\": 3}", "{\"a\":\"k\"}", "{\"k\":1},{\"b\":2,\"x\":3}"),
    ("has(\"a\"), (keys | has(0, 5))", "{\"a\":1}", "true,true,false"),
    ("{\"k\": {\"a\": 1, \"b\": 2}} * {\"k\": {\"a\": 0}}", "null", "{\"k\":{\"a\":0,\"b\":2}}"),
    // Like SQL.
    ("IN(2, 3), IN(5)", "2", "true,false"),
    ("[.[] | IN(2, 3)], IN(.[]; 2, 3)", "[1,2,3]", "[false,true,true],true"),
    ("INDEX(.id)", "[{\"id\":1,\"a\":2},{\"id\":\"x\"}]", "{\"1\":{\"id\":1,\"a\":2},\"x\":{\"id\":\"x\"}}"),
    ("INDEX(.[]; .id) | keys", "[{\"id\":1},{\"id\":2}]", "[\"1\",\"2\"]"),
    ("JOIN({\"1\": \"one\"}; .id | tostring)", "[{\"id\":1}]", "[[{\"id\":1},\"one\"]]"),
    ("[JOIN({\"1\": \"one\"}; .[]; tostring; add)]", "[\"1\"]", "[\"1one\"]"),
    // Texts.
    ("join(\", \")", "[\"a\",1,2.5,true,null,false]", "\"a, 1, 2.5, true, , false\""),
    ("join(\",\")", "[]", "\"\""),
    ("@csv", "[1,\"a\\\"b\",null,true,2.0]", "\"1,\\\"a\\\"\\\"b\\\",,true,2\""),
    ("@tsv", "[1,\"a\\tb\",null,\"c\\\\d\\n\"]", "\"1\\ta\\\\tb\\t\\tc\\\\\\\\d\\\\n\""),
    ("@html", "\"<a href='x'>&\\\"\"", "\"&lt;a href=&#39;x&#39;&gt;&amp;&quot;\""),
    ("@uri", "\"ü/?\"", "\"%C3%BC%2F%3F\""),
    ("@sh", "\"it's\"", "\"'it'\\\\''s'\""),
    ("@base64, (@base64 | @base64d)", "\"hi\"", "\"aGk=\",\"hi\""),
    ("@json, @text", "[1,\"a\"]", "\"[1,\\\"a\\\"]\",\"[1,\\\"a\\\"]\""),
    ("@csv \"x,\\(.)\"", "[1,\"b\"]", "\"x,1,\\\"b\\\"\""),
    ("ltrimstr(\"x\"), rtrimstr(\"x\"), trimstr(\"x\")", "\"xax\"", "\"ax\",\"xa\",\"a\""),
    ("ltrimstr(\"x\"), rtrimstr(1)", "5", "5,5"),
    ("trim, ltrim, rtrim", "\" a \"", "\"a\",\"a \",\" a\""),
    ("ascii_downcase, ascii_upcase", "\"aB\"", "\"ab\",\"AB\""),
    ("explode | implode", "\"aü\"", "\"aü\""),
    ("split(\", \"), split(\"a\"; \"g\")", "\"b, a\"", "[\"b\",\"a\"],[\"b, \",\"\"]"),
    ("test(\"B\"; \"i\"), [match(\"b\").offset]", "\"abc\"", "true,[1]"),
    ("capture(\"(?<y>\\\\d+)-(?<m>\\\\d+)\")", "\"2026-11\"", "{\"y\":\"2026\",\"m\":\"11\"}"),
    ("sub(\"b\"; \"x\"), gsub(\"[ab]\"; \"<\\(.)>\")?", "\"abb\"", "\"axb\",\"<{}><{}><{}>\""),
    ("gsub(\"(?<c>[ab])\"; \"<\\(.c)>\")", "\"ab\"", "\"<a><b>\""),
    ("[scan(\"[a-c]\")]", "\"abxc\"", "[\"a\",\"b\",\"c\"]"),
    ("index(\",\"), rindex(\",\"), indices(\",\")", "\"a,b,c\"", "1,3,[1,3]"),
    ("\"x\" * 3, \"x\" * 2.0, \"x\" * (4 / 2)", "null", "\"xxx\",\"xx\",\"xx\""),
    ("\"a\" / \",\", (\"a,b\" / \",\")", "null", "[\"a\"],[\"a\",\"b\"]"),
    ("utf8bytelength, length", "\"ü\"", "2,1"),
    // Numbers.
    ("10 / 2, 1.0, 7 / 2, 1e3, 0.1", "null", "5,1,3.5,1000,0.1"),
    (
        "\"\\(10 / 2) of \\([1.0, {\"a\": 2.0}])\", (4.0 | tostring), (4.0 | tojson)",
        "null",
        "\"5 of [1,{\\\"a\\\":2}]\",\"4\",\"4\"",
    ),
    ("[nan], [infinite] | tojson", "null", "\"[null]\",\"[1.7976931348623157e+308]\""),
    (".[] | tonumber", "[1,\"1\",\" 2.5 \",\"1e2\"]", "1,1,2.5,100"),
    ("[.[] | tonumber?]", "[\"x\",\"1\",null,[]]", "[1]"),
    ("[.[] | tonumber | isnan]", "[\"NaN\",\"nan\"]", "[true,true]"),
    ("[.[] | toboolean]", "[\"true\",\"false\",true,false]", "[true,false,true,false]"),
    ("floor, ceil, round, sqrt", "9.0", "9,9,9,3"),
    ("pow(2; 10), log2, abs", "8", "1024,3,8"),
    ("5 % 3, -5 % 3, (. | -.)", "4", "2,-2,-4"),
    ("[limit(3; range(10))], [range(0; 10; 3)], [range(2)]", "null", "[0,1,2],[0,3,6,9],[0,1]"),
    ("add, add(.[] | . * 2), min, max", "[1,3,2]", "6,12,1,3"),
    // Lists.
    ("sort, sort_by(-.), group_by(. > 1), unique", "[3,1,1]", "[1,1,3],[3,1,1],[[1,1],[3]],[1,3]"),
    ("min_by(.a), max_by(.a), unique_by(.a)", "[{\"a\":2},{\"a\":1},{\"a\":2}]", "{\"a\":1},{\"a\":2},[{\"a\":1},{\"a\":2}]"),
    ("flatten, flatten(1)", "[1,[2],[[3]]]", "[1,2,3],[1,2,[3]]"),
    ("transpose", "[[1],[2,3]]", "[[1,2],[null,3]]"),
    ("[combinations]", "[[1,2],[3,4]]", "[[1,3],[1,4],[2,3],[2,4]]"),
    ("any, all, any(. > 1), all(. > 0)", "[1,2]", "true,true,true,true"),
    ("reverse, contains([1]), inside([1,2,3]), bsearch(2)", "[1,2]", "[2,1],true,true,1"),
    ("[.[] | toarray]", "[1,[2]]", "[[1],[2]]"),
    ("walk(if type == \"array\" then add else . end)", "[1,[2,[3]]]", "6"),
    ("walk(if type == \"object\" then del(.a) else . end)", "[{\"a\":1,\"b\":{\"a\":2}}]", "[{\"b\":{}}]"),
    ("[skip(1; .[])], [first(.[]), last(.[]), nth(1; .[])]", "[1,2,3]", "[2,3],[1,3,2]"),
    ("isempty(empty), isempty(.[]), isvalid(.a)", "[1]", "true,false,false"),
    // Control and streams.
    ("reduce .[] as [$i, $j] (0; . + $i * $j)", "[[1,2],[3,4]]", "14"),
    ("[foreach .[] as $x (0; . + $x; [$x, .])]", "[1,2]", "[[1,1],[2,3]]"),
    ("[recurse(if . < 3 then . + 1 else empty end)], [while(. < 3; . + 1)], until(. > 3; . + 1)", "1", "[1,2,3],[1,2],4"),
    ("try error(\"x\") catch ., (try error({a: 1}) catch .a), (.a? // \"none\")", "5", "\"x\",1,\"none\""),
    ("if . then 1 end, (if false then 1 elif . then 2 else 3 end)", "true", "1,2"),
    (". as {a: $x, b: [$y]} | $x + $y", "{\"a\":1,\"b\":[2]}", "3"),
    ("(1, null, 2) // 3, (null, false) // 3, (empty // 4)", "null", "1,2,3,4"),
    ("def f(g): [g, g]; f(.a)", "{\"a\":1}", "[1,1]"),
    ("[tostream]", "{\"a\":[1,2]}", "[[[\"a\",0],1],[[\"a\",1],2],[[\"a\",1]],[[\"a\"]]]"),
    ("fromstream(tostream)", "{\"a\":[1,{\"b\":2}]}", "{\"a\":[1,{\"b\":2}]}"),
    ("[1 | truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])]", "null", "[[[0],2],[[0]]]"),
    ("[splits(\", *\")], ascii_downcase", "\"a, b,c\"", "[\"a\",\"b\",\"c\"],\"a, b,c\""),
    // Dates.
    ("fromdate, (fromdate | todate)", "\"2015-03-05T23:51:47Z\"", "1425599507,\"2015-03-05T23:51:47Z\""),
    ("todate, date, dateadd(\"seconds\"; 3)", "1425599507", "\"2015-03-05T23:51:47Z\",\"2015-03-05T23:51:47Z\",1425599510"),
    ("1425599507.9 | todate", "null", "\"2015-03-05T23:51:47Z\""),
    ("strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime", "\"2015-03-05T23:51:47Z\"", "1425599507"),
    ("strftime(\"%A, %B %d, %Y\"), (gmtime | mktime)", "1425599507", "\"Thursday, March 05, 2015\",1425599507"),
];

#[tokio::test]
async fn filters_give_what_jqs_manual_says() {
    let mut differences = Vec::new();
    for (filter, input, expected) in AS_IN_JQ {
        let result = run(&format!("[{filter}] | tojson"), input).await;
        if result != Ok(text(&format!("[{expected}]"))) {
            differences.push(format!("{filter}  of  {input}\n  expected [{expected}]\n  result   {result:?}"));
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), AS_IN_JQ.len(), differences.join("\n"));
}

#[test]
fn what_the_manual_says_is_left_out_is() {
    let manual = include_str!("../../../../docs/src/sources.md");
    for (filter, word) in [
        ("env", "`env`"),
        ("$ENV.PATH", "`$ENV`"),
        ("input", "`input`"),
        ("inputs", "`inputs`"),
        ("input_filename", "`input_filename`"),
        ("debug", "`debug`"),
        ("stderr", "`stderr`"),
        ("halt", "`halt`"),
        ("halt_error", "`halt_error`"),
        ("get_search_list", "`get_search_list`"),
        ("$__loc__", "`$__loc__`"),
        (". as [$a] ?// $a | $a", "`?//`"),
        ("@base32", "`@base32`"),
        ("@base32d", "`@base32d`"),
    ] {
        assert!(variables(filter).is_err(), "{filter} is there");
        assert!(manual.contains(word), "{word}");
    }
}

#[tokio::test]
async fn what_the_manual_says_differs_does() {
    let manual = include_str!("../../../../docs/src/sources.md");
    for (filter, shown) in [
        ("null | .a = 1", "`null \\| .a = 1`"),
        ("{} | .a.b = 1", "`{} \\| .a.b = 1`"),
        ("[] | .[2] = 1", "`[] \\| .[2] = 1`"),
        ("\"a\" | test(\"\\\\p{L}\")", "`\\p{L}`"),
        ("\"ab\" | test(\"a(?=b)\")", "lookaround"),
        ("\"aa\" | test(\"(a)\\\\1\")", "back references"),
        ("\"10:20\" | strptime(\"%H:%M\") | mktime", "a time without its date"),
    ] {
        assert!(run(filter, "1").await.is_err(), "{filter}");
        assert!(manual.contains(shown), "{shown}");
    }
    assert!(variables(".5").is_err() && manual.contains("`.5`"));
    for (filter, result, shown) in [
        ("1 / 0 | isinfinite", "true", "`1 / 0`"),
        ("3.7 % 2 > 1", "true", "`3.7 % 2`"),
        ("{} | .[0]", "null", "`{} \\| .[0]`"),
        ("\"é\" | test(\"\\\\w\")", "false", "`\\w`"),
        ("\"É\" | test(\"é\"; \"i\")", "false", "the flag `i`"),
        ("\"a\\n\" | test(\"a.\"; \"s\")", "true", "the flag `s`"),
        ("\"b\" | [match(\"(a)?b\").captures[]] | length", "0", "a group that took no part"),
    ] {
        assert_eq!(run(&format!("{filter} | tojson"), "1").await, Ok(text(result)), "{filter}");
        assert!(manual.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn paths_have_a_length_and_arrays_an_end() {
    for (filter, expected) in [
        ("getpath([range(600)])", "the filter failed: getpath takes a path of at most 512 steps"),
        ("setpath([range(600)]; 1)", "the filter failed: setpath takes a path of at most 512 steps"),
        ("delpaths([[range(600)]])", "the filter failed: delpaths takes paths of at most 512 steps"),
        ("setpath([1e9]; 1)", "the filter failed: setpath was given an index out of bounds"),
        ("setpath([-5]; 1)", "the filter failed: setpath was given an index out of bounds"),
        ("setpath([\"a\"]; 1)", "the filter failed: it cannot look into an array with a text"),
        ("delpaths(5)", "the filter failed: it cannot use a number as array"),
    ] {
        assert_eq!(run(filter, "[1]").await, Err(expected.to_owned()), "{filter}");
    }
}
