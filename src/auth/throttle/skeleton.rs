use unicode_normalization::UnicodeNormalization;

use crate::domain::{NameForm, Realm, Username};

/// The skeleton of an account's name, which all its spellings have in common.
///
/// `alice`, `CORP\alice` and `alice@corp.example.com` are one account, and Active Directory compares names without
/// regard to case, accents, width and white space. If each spelling had a budget of its own, a few of them would add
/// up to a lockout. Two names that differ only so share a budget, which harms neither much.
pub(super) fn skeleton(username: &Username) -> String {
    let (realm, name) = match username.form() {
        // Local accounts are in no directory: their names have nothing in common with anybody's there.
        NameForm::DownLevel { name, .. } if username.is_local() => ("local\\", name),
        NameForm::Bare(name) | NameForm::Principal { name, .. } | NameForm::DownLevel { name, .. } => ("", name),
    };
    // Upper case first: it makes "ß" and "SS" one, as the directory does.
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    let mut letters = String::new();
    for c in folded(name).nfkd().filter(|c| c.is_alphanumeric()) {
        match ascii_equivalent(c) {
            Some(ascii) => letters.push_str(ascii),
            None => letters.push(c),
        }
    }
    let skeleton = if letters.is_empty() { folded(name) } else { folded(&letters) };
    realm.to_owned() + &skeleton
}

/// The name of one account, in words that no other account has: what was typed, but for upper and lower case, and for the domain
/// before it, as a directory has one. Two names with one skeleton may be two accounts', such as `a.lice` and `alice`.
pub(super) fn exact_name(username: &Username, realm: &Realm) -> String {
    let realm = realm.as_str();
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    match username.form() {
        NameForm::Bare(name) | NameForm::DownLevel { name, .. } => format!("{realm}\\{}", folded(name)),
        NameForm::Principal { .. } => format!("{realm}@{}", folded(username.as_str())),
    }
}

/// The plain letters for one that Windows treats as accented though Unicode does not decompose it: strokes, ligatures.
fn ascii_equivalent(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ð' | 'đ' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'þ' => "th",
        _ => return None,
    })
}
