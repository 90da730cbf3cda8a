#![allow(clippy::unwrap_used)]

use url::Url;

use super::NextPath;

const OURS: &[&str] = &[
    "/",
    "/?city=NYC",
    "/p/operations",
    "/p/this-machine/",
    "/p/operations?city=NYC",
    "/p/operations?city=New%20York&colour=b%C3%A9b%C3%A9",
    "/p/operations?q=a/b?c:d@e",
    "/p/operations?back=%2F%2Fevil.example",
    "/p/a_b-c.d~e",
    "/p/operations?",
    "/account",
    "/admin?tab=sessions",
];

/// Ways to leave the site, to split a header, or to be something that no page of ours is called.
const ATTACKS: &[&str] = &[
    "",
    "?",
    "evil.example",
    "p/operations",
    "?city=NYC",
    "#top",
    // Other sites, said plainly and in a slash's disguise.
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//",
    "//evil.example/p/operations",
    "//evil.example?x",
    "//user@evil.example",
    "//192.0.2.1",
    "//[2001:db8::1]/",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "\\evil.example",
    "/\\/evil.example",
    "/p\\..\\..\\evil.example",
    // Encoded once: whoever decodes on the way sees slashes.
    "/%2fevil.example",
    "/%2Fevil.example",
    "%2f%2fevil.example",
    "%2F/evil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/p/%2f..%2fevil",
    // Encoded twice.
    "/%252fevil.example",
    "/%255cevil.example",
    // Whatever else is encoded in a path is not ours either.
    "/p/%2e%2e/evil",
    "/%00",
    "/%0d%0aLocation:%20https://evil.example",
    "/%",
    "/%zz",
    // Control characters and white space, which browsers strip from URLs.
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    "\n//evil.example",
    " //evil.example",
    " /p/operations",
    "/p/operations ",
    "/ /evil.example",
    "/\0",
    "/\u{b}/evil.example",
    "/\u{7f}",
    "/p/operations\r\nLocation: https://evil.example",
    "/p/operations?x=\r\nSet-Cookie:a=b",
    "/p/operations?x=\ty",
    // Schemes.
    "https://evil.example",
    "HTTPS://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "/javascript:alert(1)",
    // User information and ports: what stands before an "@" or a ":".
    "@evil.example",
    "/@evil.example",
    ":@evil.example",
    ":80",
    "/:80",
    "/p/operations@evil.example",
    "site.example@evil.example",
    ".evil.example",
    // Dotted and empty segments, which move a path about.
    "/.",
    "/..",
    "/./evil",
    "/../evil",
    "/..//evil.example",
    "/.//evil.example",
    "/p/..//evil.example",
    "/p/../../evil",
    "/...",
    "/p//operations",
    "/p/operations//",
    "/p//",
    // Slashes and dots of other alphabets, which some software makes into ours.
    "/\u{2215}evil.example",
    "/\u{2044}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "/\u{ff0f}evil.example",
    "/\u{29f8}evil.example",
    "/\u{3002}evil",
    "/\u{200b}/evil.example",
    "/\u{202e}elpmaxe.live//",
    "/\u{feff}/evil.example",
    "/p/café",
    // Fragments, and characters that have no place in an address.
    "/p/operations#//evil.example",
    "/p/operations?a#b",
    "/p/<script>",
    "/p/\"onload=x",
    "/p/operations?x=\"><script>",
    "/p/operations?x=\\\\evil",
    "/p/operations?x=%",
    "/p/operations?x=%2",
    "/p/operations?x=%g0",
    "/p/operations?x=é",
    "/p/;evil",
    "/p/|evil",
    "/p/{evil}",
    "/p/*",
];

#[test]
fn a_path_of_ours_is_kept_with_its_query() {
    for text in OURS {
        assert_eq!(NextPath::parse(text).unwrap_or_else(|| panic!("{text:?} is ours")).as_str(), *text);
    }
}

#[test]
fn nothing_else_is_a_way_back() {
    assert!(ATTACKS.len() >= 40);
    for text in ATTACKS {
        assert_eq!(NextPath::parse(text), None, "{text:?}");
    }
    let long = format!("/p/{}", "a".repeat(2048));
    assert_eq!(NextPath::parse(&long), None);
    let long = format!("/p/a?{}", "a".repeat(2048));
    assert_eq!(NextPath::parse(&long), None);
}

/// Every text of up to five of the characters that matter in a URL, held against a browser's own reading of URLs
/// (the WHATWG standard, which the `url` crate follows).
#[test]
fn whatever_is_accepted_stays_on_this_site() {
    const PARTS: &[&str] = &["/", "\\", ".", "%2f", "%", "@", ":", "?", "#", "\t", "a", "é"];
    let site = Url::parse("https://site.example/login").unwrap();
    let mut accepted = 0;
    for number in 0..PARTS.len().pow(5) {
        let digits = (0..5).map(|place| PARTS[number / PARTS.len().pow(place) % PARTS.len()]);
        let text: String = digits.collect();
        let Some(next) = NextPath::parse(&text) else { continue };
        accepted += 1;
        let target = site.join(next.as_str()).unwrap();
        assert_eq!(target.origin(), site.origin(), "{text:?}");
        assert!(target.username().is_empty() && target.password().is_none(), "{text:?}");
        let (path, _) = text.split_once('?').unwrap_or((&text, ""));
        assert_eq!(target.path(), path, "a browser goes where it is told: {text:?}");
    }
    assert!(accepted > 100, "{accepted}");
}
