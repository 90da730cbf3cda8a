#![allow(clippy::unwrap_used)]

use super::*;

fn html(markdown: &str, bindings: &[(&str, &str)]) -> String {
    let bindings = bindings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    render(&markdown.parse().unwrap(), &bindings).trim_end().replace('\n', "")
}

#[test]
fn a_value_never_becomes_markup() {
    for value in ["**bold**", "<script>alert(1)</script>", "[x](javascript:alert(1))", "`code`", "# big", "&amp;", "\n\n- item"]
    {
        let shown = html("Hello {city}!", &[("city", value)]);
        let words = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "");
        assert_eq!(shown, format!("<p>Hello {words}!</p>"));
    }
}

#[test]
fn a_value_is_put_in_wherever_words_stand() {
    let city = [("city", "NYC"), ("city.zone", "America/New_York")];
    assert_eq!(html("**{city}**", &city), "<p><strong>NYC</strong></p>");
    assert_eq!(html("a*{city}*b", &city), "<p>a<em>NYC</em>b</p>");
    assert_eq!(html("`{city.zone}`", &city), "<p><code>America/New_York</code></p>");
    assert_eq!(html("# In {city}", &city), "<h3>In NYC</h3>");
    assert_eq!(html("    {city}", &city), "<pre><code>NYC</code></pre>");
    assert_eq!(html("[{city}](/p/city)", &city), r#"<p><a href="/p/city" rel="noopener">NYC</a></p>"#);
    assert_eq!(html("{city}{city} {{city}}", &city), "<p>NYCNYC {city}</p>");
    assert_eq!(
        html("| {city} |\n|---|\n| {city} |", &city),
        "<table><thead><tr><th>NYC</th></tr></thead><tbody><tr><td>NYC</td></tr></tbody></table>"
    );
    assert_eq!(html("![{city}](/static/city.png)", &city), r#"<p><img src="/static/city.png" alt="NYC"></p>"#);
}

#[test]
fn a_value_never_reaches_an_address() {
    let evil = [("city", "javascript:alert(1)")];
    for markdown in ["[x]({city})", "[x](/p/{city})", "<https://a.example/{city}>", "[x][r]\n\n[r]: /{city}", "![x](/{city})"] {
        let shown = html(markdown, &evil);
        let addresses = shown.split(['"']).skip(1).step_by(2).filter(|value| value.contains('/'));
        assert!(addresses.clone().all(|address| !address.contains("javascript")), "{markdown}: {shown}");
        assert!(!shown.contains("href=\"javascript"), "{markdown}: {shown}");
    }
    assert_eq!(html("[x](/p/{city})", &evil), r#"<p><a href="/p/%7Bcity%7D" rel="noopener">x</a></p>"#);
}

#[test]
fn html_is_dropped_and_its_words_stay() {
    assert_eq!(html("a <b onclick='x()'>b</b> c", &[]), "<p>a b c</p>");
    assert_eq!(html("<script>alert(1)</script>", &[]), "");
    assert_eq!(html("<div style='color:red'>\n\nhello\n\n</div>", &[]), "<p>hello</p>");
    assert_eq!(html("<img src=x onerror=alert(1)>", &[]), "");
    assert_eq!(html("<p>{city}</p>", &[("city", "<b>")]), "");
}

#[test]
fn only_harmless_addresses_are_linked() {
    let link = |address: &str| html(&format!("[x]({address})"), &[]);
    for good in [
        "https://example.com/a",
        "http://example.com/",
        "mailto:it@example.com",
        "tel:+43123456",
        "/p/welcome",
        "#top",
        "?city=NYC",
        "welcome",
        "./welcome",
        "../account",
        "welcome?city=NYC#top",
        "a/b:c",
    ] {
        assert_eq!(link(good), format!(r#"<p><a href="{good}" rel="noopener">x</a></p>"#));
        assert_eq!(dropped_addresses(&format!("[x]({good})")), [], "{good}");
    }
    for bad in
        ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "//evil.example", "file:///etc/passwd"]
    {
        assert_eq!(link(bad), r#"<p><a rel="noopener">x</a></p>"#, "{bad}");
        let dropped = Dropped { what: "link", address: bad.to_owned() };
        assert_eq!(dropped_addresses(&format!("a [x]({bad}) b")), [dropped], "{bad}");
    }
    // Written as it is, a browser would read the backslash as a second slash, and leave the host.
    assert_eq!(link("/\\evil.example"), r#"<p><a href="/%5Cevil.example" rel="noopener">x</a></p>"#);
}

#[test]
fn no_image_comes_from_elsewhere() {
    assert_eq!(html("![logo](/static/logo.png)", &[]), r#"<p><img src="/static/logo.png" alt="logo"></p>"#);
    for elsewhere in [
        "https://evil.example/x.png",
        "//evil.example/x.png",
        "/\\evil.example/x.png",
        "data:image/png;base64,AA",
        "/&#9;/evil.example/x.png",
        "x.png",
    ] {
        assert_eq!(html(&format!("![*logo*]({elsewhere})"), &[]), "<p><em>logo</em></p>", "{elsewhere}");
        assert_eq!(dropped_addresses(&format!("![*logo*]({elsewhere})")).len(), 1, "{elsewhere}");
    }
    assert_eq!(html("![a ![b](/b.png) c](https://evil.example)", &[]), r#"<p>a <img src="/b.png" alt="b"> c</p>"#);
    assert_eq!(html("![a ![b](https://evil.example) c](/a.png)", &[]), r#"<p><img src="/a.png" alt="a b c"></p>"#);
}

#[test]
fn headings_stand_below_the_panels_own() {
    assert_eq!(html("# a\n## b\n### c\n#### d\n###### f", &[]), "<h3>a</h3><h4>b</h4><h5>c</h5><h6>d</h6><h6>f</h6>");
}

#[test]
fn what_markdown_makes_of_styles_and_classes_is_left_out() {
    assert_eq!(html("```rust\nlet x;\n```", &[]), "<pre><code>let x;</code></pre>");
    assert_eq!(
        html("| a |\n|--:|\n| 1 |", &[]),
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    );
    assert_eq!(html("3. a\n4. ~~b~~", &[]), r#"<ol start="3"><li>a</li><li><del>b</del></li></ol>"#);
}

#[test]
fn marks_of_the_authors_own_mean_nothing() {
    assert_eq!(html("a\u{E000}0\u{E001}b", &[]), "<p>a0\u{E001}b</p>");
    assert_eq!(html("a\u{E000}", &[]), "<p>a</p>");
}
