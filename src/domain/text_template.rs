use std::collections::BTreeMap;
use std::str::FromStr;

/// The values of placeholders, by the key between their braces: `city` and, for an option's further
/// fields, `city.zone`.
pub type Bindings = BTreeMap<String, String>;

/// A text with placeholders for the inputs' values: `You have selected {city}`. `{{` and `}}` are plain braces.
///
/// Filling one in is always done segment by segment with an escape for the place it goes to, so that a value can
/// never be read as part of the text around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TextTemplate {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    Text(String),
    Placeholder(Placeholder),
}

/// A placeholder: an input's name and, behind a dot, a further field of the chosen option.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placeholder {
    /// The text between the braces, and the key of its value in [`Bindings`].
    pub key: String,
}

/// A syntax error in a template's braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{city` without its end.
    #[error("a '{{' has no '}}' behind it (write '{{{{' for a plain brace)")]
    Unclosed,
    /// `}` alone.
    #[error("a '}}' has no '{{' before it (write '}}}}' for a plain brace)")]
    Unopened,
    /// `{}` or `{a b}`.
    #[error("between '{{' and '}}' belongs the name of an input, or of an input's field as in '{{city.zone}}'")]
    InvalidPlaceholder,
}

impl Placeholder {
    /// The placeholder that a variable stands for, in languages where braces mean something: `city` for `$city`, `city.zone` for
    /// `$city_zone`. The first `_` is the dot before an option's field; `__` before it is an underscore of the input's name.
    pub fn of_variable(word: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) || !word.chars().all(allowed) {
            return None;
        }
        let mut key = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('_') {
            key.push_str(before);
            if let Some(after) = after.strip_prefix('_') {
                key.push('_');
                rest = after;
            } else {
                key.push('.');
                rest = after;
                break;
            }
        }
        key.push_str(rest);
        (!key.ends_with('.')).then_some(Self { key })
    }

    /// The name of the input it refers to.
    pub fn input(&self) -> &str {
        self.key.split_once('.').map_or(self.key.as_str(), |(input, _)| input)
    }

    /// The further field of the chosen option, where one is named.
    pub fn field(&self) -> Option<&str> {
        self.key.split_once('.').map(|(_, field)| field)
    }

    /// Its value, where `bindings` has one.
    pub fn value<'b>(&self, bindings: &'b Bindings) -> Option<&'b str> {
        bindings.get(&self.key).map(String::as_str)
    }
}

impl TextTemplate {
    /// The placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Placeholder(placeholder) => Some(placeholder),
            Segment::Text(_) => None,
        })
    }

    /// The whole text when it has no placeholder.
    pub fn literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with every placeholder's value put in through `escape`. A value that is missing is left empty:
    /// loading a page makes sure that none is.
    pub fn fill(&self, bindings: &Bindings, escape: impl Fn(&str) -> String) -> String {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => text.clone(),
                Segment::Placeholder(placeholder) => placeholder.value(bindings).map(&escape).unwrap_or_default(),
            })
            .collect()
    }
}

impl FromStr for TextTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(tail) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = tail;
                continue;
            }
            if brace == "}" {
                return Err(TemplateError::Unopened);
            }
            let (key, tail) = rest.split_once('}').ok_or(TemplateError::Unclosed)?;
            if !key.split('.').all(is_word) || key.matches('.').count() > 1 {
                return Err(TemplateError::InvalidPlaceholder);
            }
            if !literal.is_empty() {
                segments.push(Segment::Text(std::mem::take(&mut literal)));
            }
            segments.push(Segment::Placeholder(Placeholder { key: key.to_owned() }));
            rest = tail;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            segments.push(Segment::Text(literal));
        }
        Ok(Self { segments })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings() -> Bindings {
        [("city".to_owned(), "a&b".to_owned()), ("city.zone".to_owned(), "Z".to_owned())].into()
    }

    #[test]
    fn values_go_in_escaped() {
        let template: TextTemplate = "x={city}&z={city.zone}&{{}}".parse().unwrap();
        assert_eq!(template.fill(&bindings(), |v| v.replace('&', "%26")), "x=a%26b&z=Z&{}");
        let placeholders: Vec<_> = template.placeholders().map(|p| (p.input(), p.field())).collect();
        assert_eq!(placeholders, [("city", None), ("city", Some("zone"))]);
    }

    #[test]
    fn a_text_without_placeholders_is_itself() {
        assert_eq!("a {{b}}".parse::<TextTemplate>().unwrap().literal(), Some("a {b}"));
        assert_eq!("".parse::<TextTemplate>().unwrap().literal(), Some(""));
        assert_eq!("{a}".parse::<TextTemplate>().unwrap().literal(), None);
    }

    #[test]
    fn crooked_braces_are_told_apart() {
        assert_eq!("{a".parse::<TextTemplate>(), Err(TemplateError::Unclosed));
        assert_eq!("a}".parse::<TextTemplate>(), Err(TemplateError::Unopened));
        assert_eq!("{}".parse::<TextTemplate>(), Err(TemplateError::InvalidPlaceholder));
        assert_eq!("{a b}".parse::<TextTemplate>(), Err(TemplateError::InvalidPlaceholder));
        assert_eq!("{a.b.c}".parse::<TextTemplate>(), Err(TemplateError::InvalidPlaceholder));
    }
}
