use std::fmt;
use std::str::FromStr;

use super::{PageSlug, SourceName};

/// The most words in a scope: whoever names more means all, and a JWT carries its scope in every request.
const MAX_SCOPE_WORDS: usize = 32;

/// The permissions of a credential. Sessions and passwords allow all that their person may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that the person may.
    Unrestricted,
    /// Of what the person may, this alone.
    Limited(TokenScope),
}

/// The scope of an API token or a JWT. As text it is a list of words with spaces between them (RFC 6749, 3.3): `read`,
/// `read:operations`, `push`, `push:meter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenScope {
    /// The pages it reads.
    pub read: PageScope,
    /// The push endpoints it sends to.
    pub push: PushScope,
}

/// Some of the pages, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PageScope {
    /// None.
    #[default]
    None,
    /// All that the person may open.
    All,
    /// Of those that the person may open, these alone.
    Only(Vec<PageSlug>),
}

/// Some of the push endpoints, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PushScope {
    /// None.
    #[default]
    None,
    /// All that the person may send to.
    All,
    /// Of those that the person may send to, these alone.
    Only(Vec<SourceName>),
}

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// It grants nothing.
    #[error("a scope says what it is for: write `read`, `read:<page>`, `push` or `push:<name>`")]
    Empty,
    /// It names too much one by one.
    #[error("a scope has at most {MAX_SCOPE_WORDS} words; `read` alone means every page")]
    TooLong,
    /// A word that means nothing.
    #[error("\"{0}\" is no scope: write `read`, `read:<page>`, `push` or `push:<name>`, with spaces between them")]
    Word(String),
}

impl Scope {
    /// Whether a page may be read with it, if its person may.
    pub fn can_read(&self, page: &PageSlug) -> bool {
        match self {
            Self::Unrestricted => true,
            Self::Limited(scope) => scope.can_read(page),
        }
    }

    /// Whether it allows more than reading and pushing: accounts, tokens, administration.
    pub fn is_unrestricted(&self) -> bool {
        *self == Self::Unrestricted
    }

    /// The widest scope that a token issued with it may have.
    pub fn token_scope(&self) -> TokenScope {
        match self {
            Self::Unrestricted => TokenScope::ALL,
            Self::Limited(scope) => scope.clone(),
        }
    }
}

impl TokenScope {
    /// Every page and every endpoint that the person may have.
    pub const ALL: Self = Self { read: PageScope::All, push: PushScope::All };

    /// Whether a page may be read with it, if its person may.
    pub fn can_read(&self, page: &PageSlug) -> bool {
        match &self.read {
            PageScope::None => false,
            PageScope::All => true,
            PageScope::Only(pages) => pages.contains(page),
        }
    }

    /// Whether it sends to the push endpoint of this name, if its person may.
    pub fn can_push(&self, name: &SourceName) -> bool {
        match &self.push {
            PushScope::None => false,
            PushScope::All => true,
            PushScope::Only(names) => names.contains(name),
        }
    }

    /// Whether it grants all that `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        let read = match (&self.read, &other.read) {
            (PageScope::All, _) | (_, PageScope::None) => true,
            (PageScope::Only(mine), PageScope::Only(theirs)) => theirs.iter().all(|page| mine.contains(page)),
            (PageScope::None | PageScope::Only(_), _) => false,
        };
        let push = match (&self.push, &other.push) {
            (PushScope::All, _) | (_, PushScope::None) => true,
            (PushScope::Only(mine), PushScope::Only(theirs)) => theirs.iter().all(|name| mine.contains(name)),
            (PushScope::None | PushScope::Only(_), _) => false,
        };
        read && push
    }
}

impl FromStr for TokenScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let words: Vec<&str> = text.split_ascii_whitespace().take(MAX_SCOPE_WORDS + 1).collect();
        match words.len() {
            0 => return Err(InvalidScope::Empty),
            count if count > MAX_SCOPE_WORDS => return Err(InvalidScope::TooLong),
            _ => {}
        }
        let (mut pages, mut pushes) = (Vec::new(), Vec::new());
        let (mut all_pages, mut all_pushes) = (false, false);
        for word in words {
            let invalid = || InvalidScope::Word(word.chars().filter(|c| !c.is_control()).take(80).collect());
            match word.split_once(':') {
                None if word == "read" => all_pages = true,
                None if word == "push" => all_pushes = true,
                Some(("read", slug)) => pages.push(slug.parse().map_err(|_| invalid())?),
                Some(("push", name)) => pushes.push(name.parse().map_err(|_| invalid())?),
                _ => return Err(invalid()),
            }
        }
        let read = if all_pages { PageScope::All } else { PageScope::from_list(pages) };
        let push = if all_pushes { PushScope::All } else { PushScope::from_list(pushes) };
        Ok(Self { read, push })
    }
}

impl PageScope {
    fn from_list(mut pages: Vec<PageSlug>) -> Self {
        pages.sort();
        pages.dedup();
        if pages.is_empty() { Self::None } else { Self::Only(pages) }
    }
}

impl PushScope {
    fn from_list(mut names: Vec<SourceName>) -> Self {
        names.sort();
        names.dedup();
        if names.is_empty() { Self::None } else { Self::Only(names) }
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match &self.read {
            PageScope::None => {}
            PageScope::All => words.push("read".to_owned()),
            PageScope::Only(pages) => words.extend(pages.iter().map(|page| format!("read:{page}"))),
        }
        match &self.push {
            PushScope::None => {}
            PushScope::All => words.push("push".to_owned()),
            PushScope::Only(names) => words.extend(names.iter().map(|name| format!("push:{name}"))),
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_scope(text: &str) -> TokenScope {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_reads_no_more_than_it_was_made_for() {
        let slug = |text: &str| text.parse::<PageSlug>().unwrap();
        let (ops, sales) = (slug("ops"), slug("sales"));
        assert!(Scope::Unrestricted.can_read(&ops) && token_scope("read").can_read(&ops));
        let some = token_scope("read:ops push");
        let meter = "meter".parse().unwrap();
        assert!(some.can_push(&meter) && token_scope("push:meter").can_push(&meter));
        assert!(!token_scope("read push:meters").can_push(&meter) && !token_scope("read").can_push(&meter));
        assert!(some.can_read(&ops) && !some.can_read(&sales));
        assert!(!token_scope("push").can_read(&ops));
        assert!(Scope::Unrestricted.is_unrestricted() && !Scope::Limited(TokenScope::ALL).is_unrestricted());
    }

    #[test]
    fn a_scope_is_written_as_it_is_read() {
        for text in ["read", "push", "read push", "read:ops read:sales", "read:ops push:meter", "push:a push:b"] {
            assert_eq!(token_scope(text).to_string(), text);
        }
        assert_eq!(token_scope(" read:b\tread:a  read:a ").to_string(), "read:a read:b");
        assert_eq!(token_scope("read read:ops").to_string(), "read");
    }

    #[test]
    fn what_means_nothing_is_no_scope() {
        assert_eq!("  ".parse::<TokenScope>(), Err(InvalidScope::Empty));
        assert_eq!("read:a ".repeat(MAX_SCOPE_WORDS + 1).parse::<TokenScope>(), Err(InvalidScope::TooLong));
        for text in ["write", "read:", "read:../x", "READ", "push:Ä", "read,push", "admin:all"] {
            assert!(matches!(text.parse::<TokenScope>(), Err(InvalidScope::Word(_))), "{text}");
        }
    }

    #[test]
    fn a_token_made_from_another_is_good_for_no_more() {
        for (mine, theirs, covers) in [
            ("read push", "read:ops push:meter", true),
            ("read", "read:ops", true),
            ("read", "push", false),
            ("read:ops read:sales", "read:ops", true),
            ("read:ops", "read:ops read:sales", false),
            ("read:ops", "read", false),
            ("push:a", "push:b", false),
            ("push", "push:b", true),
        ] {
            assert_eq!(token_scope(mine).covers(&token_scope(theirs)), covers, "{mine} covers {theirs}");
        }
    }
}
