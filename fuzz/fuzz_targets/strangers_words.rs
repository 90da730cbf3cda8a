//! Input of unauthenticated clients: the cookies, the sign-in form, where to go next, and for whom a proxy
//! is said to ask. It is read without a panic, and means nothing that it must not mean.

#![no_main]

use std::net::IpAddr;

use belvedere::auth::{CsrfBinding, Keys, NextPath, PreSessionToken};
use belvedere::domain::TrustedProxies;
use belvedere::sessions::SessionToken;
use belvedere::web::fuzzing;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    the_next_page_is_on_this_site(text);
    a_token_has_one_spelling(text);
    a_guessed_form_is_not_ours(text);
    a_form_is_read_as_it_was_filled_in(text);
    a_strangers_word_for_an_address_counts_nothing(text);
});

fn the_next_page_is_on_this_site(text: &str) {
    let Some(next) = NextPath::parse(text) else { return };
    assert_eq!(next.as_str(), text);
    let here = Url::parse("https://boards.corp.example.com/login").expect("a URL");
    let there = here.join(text).expect("a path is joined to a URL");
    assert_eq!(there.origin(), here.origin(), "{text:?}");
    // Quotes and the like may be written otherwise; it stays a path of this site.
    assert!(there.path().starts_with('/') && there.fragment().is_none(), "{text:?}");
    assert!(text.bytes().all(|byte| (0x21..0x7f).contains(&byte)), "{text:?} is fit for a header");
}

fn a_token_has_one_spelling(text: &str) {
    if let Ok(token) = text.parse::<SessionToken>() {
        assert_eq!(*token.reveal(), text);
    }
    if let Ok(token) = text.parse::<PreSessionToken>() {
        assert_eq!(*token.reveal(), text);
    }
}

fn a_guessed_form_is_not_ours(text: &str) {
    let keys = Keys::from_secret(b"a secret that the fuzzer does not know");
    let cookie: PreSessionToken = "A".repeat(43).parse().expect("a token");
    let ours = keys.csrf_token(CsrfBinding::PreSession(&cookie));
    assert_eq!(keys.verify_csrf_token(CsrfBinding::PreSession(&cookie), text), ours.as_str() == text, "{text:?}");
}

fn a_form_is_read_as_it_was_filled_in(text: &str) {
    // Whatever it is, it is no panic.
    let _ = fuzzing::sign_in_form(text);
    let filled_in = url::form_urlencoded::Serializer::new(String::new()).append_pair("username", text).finish();
    assert_eq!(fuzzing::sign_in_form(&filled_in).as_deref(), Some(text), "{filled_in}");
}

fn a_strangers_word_for_an_address_counts_nothing(text: &str) {
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
    let (stranger, proxy) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([10, 0, 0, 1]));
    assert_eq!(proxies.client_address(stranger, std::iter::once(text)), stranger);
    // What the proxy itself adds behind it is what counts.
    let added = format!("{text}, 192.0.2.7");
    assert_eq!(proxies.client_address(proxy, std::iter::once(added.as_str())), stranger);
    assert_eq!(proxies.client_address(proxy, [text, "192.0.2.7"].into_iter()), stranger);
}
