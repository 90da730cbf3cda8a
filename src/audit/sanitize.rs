use std::fmt::Write;

/// The longest name a directory allows is 256 characters; more is an attempt to flood the log.
const MAX_NAME_CHARACTERS: usize = 256;

/// A handful of names.
const MAX_DETAIL_CHARACTERS: usize = 1_024;

/// A text from outside in a form that stays on its line and looks like what it is: whatever moves the cursor, hides,
/// or turns the direction of reading is written out as `\u{…}`. Whoever formats the line later need not be trusted
/// with it.
pub(super) fn sanitize(text: &str) -> String {
    escape_and_truncate(text, MAX_NAME_CHARACTERS)
}

/// The same for a text of our own making with names in it.
pub(super) fn sanitize_detail(text: &str) -> String {
    escape_and_truncate(text, MAX_DETAIL_CHARACTERS)
}

fn escape_and_truncate(text: &str, longest: usize) -> String {
    let mut plain = String::with_capacity(text.len().min(longest));
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            plain.push('…');
            break;
        }
        if is_misleading(c) {
            // Writing to a String does not fail.
            let _ = write!(plain, "{}", c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Control characters (C0, DEL, C1), Unicode's own line and paragraph separators, zero-width and bidirectional
/// controls (Unicode Standard Annex 9), the byte order mark.
fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
