use crate::domain::{Bindings, Placeholder, TemplateError, TextTemplate};
use crate::sources::QueryError;

/// The two values that a template is tried with: what differs between the two comes from a placeholder.
const TRIAL_VALUES: [&str; 2] = ["x", "y"];

/// Programs that read one of their arguments as a program in a language of its own. There may be a number behind the name.
const INTERPRETERS: [&str; 18] = [
    "ash", "awk", "bash", "dash", "fish", "gawk", "ksh", "lua", "mawk", "node", "perl", "php", "pwsh", "python", "ruby", "sed",
    "sh", "zsh",
];

/// The arguments of a program, with placeholders for visitors' values. A value is part of one argument, and never an option or the
/// name of one, also behind `--`: that may be meant for a wrapper like sudo. There is no shell that could read it, and where the
/// admin names one it is no part of its script.
#[derive(Clone, Debug)]
pub(super) struct ArgumentTemplates(Vec<TextTemplate>);

/// Where the script of an interpreter is expected among the arguments.
struct ScriptSearch {
    /// Whether the program, or one that it starts, is an interpreter.
    has_interpreter: bool,
    /// Whether the next argument may be the script.
    is_next: bool,
}

impl ArgumentTemplates {
    /// Parses the arguments of a program as an admin wrote them.
    ///
    /// # Errors
    /// The place of the first one that is wrong, what is wrong with it, and the remedy.
    pub(super) fn parse<'a>(
        program: &str,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, (usize, String, &'static str)> {
        let mut templates = Vec::new();
        let mut script = ScriptSearch::begin(program);
        for (place, text) in texts.into_iter().enumerate() {
            let template = text.parse::<TextTemplate>().map_err(|fault: TemplateError| {
                (place, format!("has a crooked placeholder: {fault}"), "a placeholder is an input's name in braces: `{site}`")
            })?;
            if text.contains('\0') {
                return Err((place, "has a NUL in it".to_owned(), "no program can be given one"));
            }
            if has_placeholder_in_option(&template) {
                let help = "the admin alone decides which options there are: write `--site={site}`, or `\"-s\", \"{site}\"`";
                return Err((place, "has a placeholder in the name of an option".to_owned(), help));
            }
            if script.is_next && template.placeholders().next().is_some() {
                let help = "whoever chooses the value could write any program: put the script into a file, and name that as the program";
                return Err((place, "has a placeholder in the script of an interpreter".to_owned(), help));
            }
            script.pass(text);
            templates.push(template);
        }
        Ok(Self(templates))
    }

    /// The placeholders, in order.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().flat_map(TextTemplate::placeholders)
    }

    /// The arguments with these values bound.
    ///
    /// # Errors
    /// Which value cannot be part of an argument.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<Vec<String>, QueryError> {
        self.0.iter().map(|argument| bind(argument, bindings)).collect()
    }
}

impl ScriptSearch {
    fn begin(program: &str) -> Self {
        let has_interpreter = is_interpreter(program);
        Self { has_interpreter, is_next: has_interpreter }
    }

    /// Goes on behind this argument.
    fn pass(&mut self, text: &str) {
        if !self.has_interpreter {
            *self = Self::begin(text);
        } else if !text.starts_with('-') {
            self.is_next = false;
        } else if !text.starts_with("--") && text.ends_with(['c', 'e', 'E', 'r']) {
            self.is_next = true;
        }
    }
}

fn bind(argument: &TextTemplate, bindings: &Bindings) -> Result<String, QueryError> {
    for placeholder in argument.placeholders() {
        let value = placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?;
        if value.contains('\0') {
            return Err(QueryError(format!(
                "the value of {{{}}} has a NUL in it, which no program can be given",
                placeholder.key
            )));
        }
    }
    let bound = argument.fill(bindings, str::to_owned);
    if bound.starts_with('-') && !tried(argument, TRIAL_VALUES[0]).starts_with('-') {
        return Err(QueryError("a chosen value begins with '-' and would be an option of the program".to_owned()));
    }
    Ok(bound)
}

/// Whether a program is one of the interpreters, by its name.
fn is_interpreter(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    INTERPRETERS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Whether a placeholder is in the name of an option, which goes to its `=`: behind the letter of a short one may be other letters.
fn has_placeholder_in_option(template: &TextTemplate) -> bool {
    let name = |value| {
        let argument = tried(template, value);
        argument.strip_prefix('-').and_then(|name| name.split('=').next()).map(str::to_owned)
    };
    name(TRIAL_VALUES[0]) != name(TRIAL_VALUES[1])
}

/// The argument with this value in the place of every placeholder.
fn tried(template: &TextTemplate, value: &str) -> String {
    let bindings = template.placeholders().map(|placeholder| (placeholder.key.clone(), value.to_owned())).collect();
    template.fill(&bindings, str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bound(texts: &[&str], value: &str) -> Result<Vec<String>, String> {
        let templates = ArgumentTemplates::parse("/bin/jobs", texts.iter().copied()).map_err(|(_, message, _)| message)?;
        templates.bind(&[("x".to_owned(), value.to_owned())].into()).map_err(|error| error.0)
    }

    #[test]
    fn a_value_is_one_argument_or_part_of_one_whatever_is_in_it() {
        for value in ["a b", "$(id)", "`id`", "; rm -rf /", "'\"\\", "a\nb", "{y}", "*", "", "Zürich", "x=-y", "a -b"] {
            assert_eq!(bound(&["--site", "{x}", "in={x}.csv"], value).unwrap(), ["--site", value, &format!("in={value}.csv")]);
        }
        assert!(bound(&["{x}"], "a\0b").unwrap_err().contains("NUL"));
        assert!(
            ArgumentTemplates::parse("/bin/jobs", ["{y}"])
                .unwrap()
                .bind(&Bindings::new())
                .unwrap_err()
                .0
                .contains("{y} has no value")
        );
    }

    #[test]
    fn no_value_becomes_an_option_or_the_name_of_one() {
        for value in ["-", "--", "-rf", "--output=/etc/passwd"] {
            assert!(bound(&["{x}"], value).unwrap_err().contains("would be an option"), "{value}");
            assert!(bound(&["{x}{x}"], value).is_err(), "{value}");
            assert_eq!(bound(&["--site={x}", "-n={x}", "./{x}"], value).unwrap().len(), 3, "{value}");
            let behind_wrapper = bound(&["-u", "jobs", "--", "/usr/local/bin/jobs", "{x}"], value);
            assert!(behind_wrapper.unwrap_err().contains("would be an option"), "{value}");
        }
        assert!(bound(&["{x}-rf"], "").is_err(), "an empty value lets the text behind it begin the argument");
        for name in ["-{x}", "--{x}", "--no-{x}", "--{x}=1", "-v{x}", "{x"] {
            assert!(ArgumentTemplates::parse("/bin/jobs", ["a", name]).is_err_and(|(place, ..)| place == 1), "{name}");
        }
        assert!(bound(&["--", "--{x}"], "y").is_err());
    }

    #[test]
    fn no_value_is_part_of_an_interpreters_script() {
        let parsed = |line: &str| {
            let mut words = line.split(' ');
            let program = words.next().unwrap();
            ArgumentTemplates::parse(program, words).map(drop).map_err(|(_, message, _)| message)
        };
        for script in [
            "/bin/sh -c {x}",
            "/bin/bash -o pipefail -ec run={x}",
            "/usr/bin/python3.13 -u -c print({x})",
            "/usr/bin/sudo -u jobs sh -c {x}",
            "/usr/bin/perl {x}",
            "/usr/bin/gawk /{x}/",
        ] {
            assert!(parsed(script).is_err_and(|why| why.contains("interpreter")), "{script}");
        }
        for argument in ["/bin/sh -c $1 sh {x}", "/usr/bin/python3 /srv/jobs.py --site {x}", "/usr/bin/env jobs {x}"] {
            assert_eq!(parsed(argument), Ok(()), "{argument}");
        }
    }
}
