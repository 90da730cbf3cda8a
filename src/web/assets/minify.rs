//! Minifies scripts: half of them are comments, which no browser needs.

/// The keywords after which a slash begins a regular expression; after any other word, it divides.
const KEYWORDS_BEFORE_REGEX: [&str; 8] = ["return", "typeof", "case", "in", "of", "await", "void", "delete"];

/// Strips a script of its comments, and of the space that its lines begin and end with. Every line stays where it is,
/// so a browser's line numbers are true of the source too. Comments that begin with `/*!` are licences, and stay.
pub(super) fn minify(script: &str) -> String {
    let mut reader = Minifier { rest: script, output: String::with_capacity(script.len()), open_braces: Vec::new() };
    while reader.step() {}
    reader.output
}

struct Minifier<'a> {
    rest: &'a str,
    output: String,
    /// For each template literal around this position, how many braces are open in its `${}`.
    open_braces: Vec<usize>,
}

impl Minifier<'_> {
    /// Handles the next piece; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else { return false };
        match next {
            '\n' => {
                self.trim_line_end();
                self.copy(1);
                self.rest = self.rest.trim_start_matches([' ', '\t']);
            }
            '"' | '\'' => self.copy(string_length(self.rest, next)),
            '`' => {
                self.copy(1);
                self.copy_template();
            }
            '/' if self.rest.starts_with("//") => {
                self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
            }
            '/' if self.rest.starts_with("/*") => self.skip_comment(),
            '/' if self.begins_regex() => self.copy(regex_length(self.rest)),
            '{' => {
                if let Some(open) = self.open_braces.last_mut() {
                    *open += 1;
                }
                self.copy(1);
            }
            '}' if self.open_braces.last() == Some(&0) => {
                self.open_braces.pop();
                self.copy(1);
                self.copy_template();
            }
            '}' => {
                if let Some(open) = self.open_braces.last_mut() {
                    *open -= 1;
                }
                self.copy(1);
            }
            other => self.copy(other.len_utf8()),
        }
        true
    }

    fn copy(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.output.push_str(taken);
        self.rest = rest;
    }

    fn trim_line_end(&mut self) {
        self.output.truncate(self.output.trim_end_matches([' ', '\t']).len());
    }

    /// Copies a template literal, up to its end or to the next `${`.
    fn copy_template(&mut self) {
        let mut escaped = false;
        for (at, character) in self.rest.char_indices() {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == '`' {
                return self.copy(at + 1);
            } else if self.rest[at..].starts_with("${") {
                self.open_braces.push(0);
                return self.copy(at + 2);
            }
        }
        self.copy(self.rest.len());
    }

    fn skip_comment(&mut self) {
        let end = self.rest.find("*/").map_or(self.rest.len(), |end| end + 2);
        if self.rest.starts_with("/*!") {
            return self.copy(end);
        }
        let (comment, rest) = self.rest.split_at(end);
        let lines = comment.matches('\n').count();
        if lines > 0 {
            self.trim_line_end();
            self.output.extend(std::iter::repeat_n('\n', lines));
        }
        // Tokens that the comment kept apart stay apart, by one space.
        let apart = self.output.ends_with(|before: char| before.is_whitespace()) || self.output.is_empty();
        if !apart {
            self.output.push(' ');
        }
        self.rest = rest.trim_start_matches([' ', '\t']);
    }

    /// Whether a slash here begins a regular expression: by what stands before it.
    fn begins_regex(&self) -> bool {
        let before = self.output.trim_end();
        match before.chars().next_back() {
            Some(last) if is_identifier_char(last) => {
                let word = before.rsplit(|character| !is_identifier_char(character)).next().unwrap_or_default();
                KEYWORDS_BEFORE_REGEX.contains(&word)
            }
            Some(last) => !matches!(last, ')' | ']' | '}' | '"' | '\'' | '`'),
            None => true,
        }
    }
}

fn is_identifier_char(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// The length of the string literal that begins here.
fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of the regular expression that begins here, without its flags.
fn regex_length(text: &str) -> usize {
    let (mut escaped, mut in_class) = (false, false);
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            _ => (),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::minify;

    #[test]
    fn comments_go_and_every_line_stays_where_it_is() {
        let script = "/** What\n * it is. */\nlet a = 1; // one\n\n  // Why.\n  b(/* in */ a, /** @type {X} */ (c));\n";
        assert_eq!(minify(script), "\n\nlet a = 1;\n\n\nb( a, (c));\n");
    }

    #[test]
    fn what_only_looks_like_a_comment_stays() {
        for script in [
            "a = \"// no\"; b = '/* no */';",
            r#"a = "\"// no"; b = '\'/*';"#,
            "a = `// ${f({ b: `/* ${c} */` })} //  no`;",
            "a = `one\n   two // no\n`;",
            r"a.replace(/\/\/.*[/*]/g, 1).split(/`/); b = c / d / e;",
            "return /[\"']/.test(a) ? (b) / 2 : c[0] / 3;",
            "/*! terms */ a;",
        ] {
            assert_eq!(minify(script), script);
        }
    }

    #[test]
    fn tokens_that_a_comment_kept_apart_stay_apart() {
        assert_eq!(minify("return/* so */a;"), "return a;");
        assert_eq!(minify("a/*\n*/b"), "a\nb");
    }

    #[test]
    fn an_unfinished_literal_ends_with_the_script() {
        for script in ["a = `${", "a = \"b\\", "/* a", "// a", "a = /b", "}"] {
            assert!(minify(script).len() <= script.len());
        }
    }
}
