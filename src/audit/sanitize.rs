use std::fmt::Write;

/// The most characters of a name. The longest that a directory allows is 256; more is an attempt to flood the log.
const MAX_NAME_CHARACTERS: usize = 256;

/// The most characters of a detail: a handful of names.
const MAX_DETAIL_CHARACTERS: usize = 1_024;

/// Sanitizes a text from outside for the log: control, invisible and bidirectional characters are escaped as `\u{…}`,
/// so that it stays on its line and looks like what it is, whatever formats the line later.
pub(super) fn sanitize(text: &str) -> String {
    escape_and_truncate(text, MAX_NAME_CHARACTERS)
}

/// Sanitizes a text of our own making with names in it, which may be longer.
pub(super) fn sanitize_detail(text: &str) -> String {
    escape_and_truncate(text, MAX_DETAIL_CHARACTERS)
}

fn escape_and_truncate(text: &str, limit: usize) -> String {
    let mut sanitized = String::with_capacity(text.len().min(limit));
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            sanitized.push('…');
            break;
        }
        if is_misleading(c) {
            // Writing to a String does not fail.
            let _ = write!(sanitized, "{}", c.escape_unicode());
        } else {
            sanitized.push(c);
        }
    }
    sanitized
}

/// Whether a character can hide or move text: control characters (C0, DEL, C1), Unicode's own line and paragraph
/// separators, zero-width and bidirectional controls (Unicode Standard Annex 9), the byte order mark.
fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
