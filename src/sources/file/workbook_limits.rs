//! What an Excel file may ask for before it is read: its reader reserves what the file declares, and copies a font's or a path's
//! name for whatever refers to it. A failed allocation would end the whole server.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use crate::sources::SourceError;

/// How much larger a file may be unpacked than packed ones are allowed to be: XML packs well, and bombs pack better.
const MAX_UNPACKED_FACTOR: u64 = 16;

/// The most bytes of a file that is unpacked, however large packed ones may be.
const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

/// The most texts that the sheets of a file share.
const MAX_SHARED_TEXTS: usize = 1_000_000;

/// The most bytes of the styles, which are held as some twenty times that.
const MAX_STYLES_BYTES: usize = 8 * 1024 * 1024;

/// The most formats of cells: Excel writes 65,490, and as many for its styles.
const MAX_FORMATS: usize = 2 * 65_536;

/// The most bytes of names of fonts and numbers' formats, which each format of a cell has for itself.
const MAX_FORMAT_BYTES: usize = 128 * 1024 * 1024;

/// The longest tag of a list of paths, of which each sheet has one for itself.
const MAX_PATH_TAG: usize = 4 * 1024;

/// The most tags whose names begin with `sheet`.
const MAX_SHEETS: usize = 10_000;

/// Looks at all members of the file.
///
/// # Errors
/// [`SourceError::BadAnswer`] when it is no such file, and [`SourceError::TooLarge`].
pub(super) fn check(file: &[u8], max_bytes: usize, origin: &str) -> Result<(), SourceError> {
    let unreadable = || SourceError::BadAnswer(format!("{origin} is no Excel file (.xlsx), or has a password"));
    // The reader would first take one that begins otherwise for a file of an older format, and follow its chains of sectors.
    if !file.starts_with(b"PK\x03\x04") {
        return Err(unreadable());
    }
    let most = MAX_UNPACKED_FACTOR.saturating_mul(max_bytes as u64).min(MAX_UNPACKED_BYTES);
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| unreadable())?;
    let mut unpacked: u64 = 0;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|_| unreadable())?;
        unpacked = unpacked.saturating_add(member.size());
        if unpacked > most {
            let message = format!("{origin} is too large when it is unpacked; raise max_bytes, or write less");
            return Err(SourceError::TooLarge(message));
        }
        // By either it may be found.
        let decoded = member.name().map_err(|_| unreadable())?.to_ascii_lowercase().into_bytes();
        let names = [member.name_raw().to_ascii_lowercase(), decoded];
        let mut bytes = Vec::new();
        // A member is never longer than it says.
        let declared = member.size();
        member.by_ref().take(declared.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| unreadable())?;
        if bytes.len() as u64 > declared {
            return Err(unreadable());
        }
        check_member(&names, &bytes)
            .map_err(|what| SourceError::TooLarge(format!("{origin} cannot be read safely: {what}")))?;
    }
    Ok(())
}

fn check_member(names: &[Vec<u8>; 2], bytes: &[u8]) -> Result<(), &'static str> {
    let is = |ending: &[u8]| names.iter().any(|name| name.ends_with(ending));
    let is_list_of_paths = is(b".rels");
    // In UTF-16 and the like nothing of what follows would be found.
    if (is_list_of_paths || is(b".xml")) && bytes.iter().any(|byte| is_control(*byte)) {
        return Err("it is not written in UTF-8");
    }
    if tags(bytes, b"sheet") > MAX_SHEETS {
        return Err("it has too many sheets");
    }
    if is_list_of_paths && longest_tag(bytes).is_none_or(|longest| longest > MAX_PATH_TAG) {
        return Err("a path in it is too long");
    }
    if is(b"sharedstrings.xml") && (tags(bytes, b"si") > MAX_SHARED_TEXTS || !is_count_sane(bytes)) {
        return Err("it has, or says that it has, too many texts");
    }
    if is(b"styles.xml") {
        let formats = tags(bytes, b"xf");
        let is_sane = longest_tag(bytes).is_some_and(|longest| longest.saturating_mul(formats) <= MAX_FORMAT_BYTES);
        if bytes.len() > MAX_STYLES_BYTES || formats > MAX_FORMATS || !is_sane {
            return Err("it has too many or too long formats of cells");
        }
    }
    Ok(())
}

fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// How many tags begin with that name, with a prefix or without. Texts may be counted too.
fn tags(bytes: &[u8], name: &[u8]) -> usize {
    let is_tag = |window: &&[u8]| matches!(window[0], b'<' | b':') && window[1..] == *name;
    bytes.windows(name.len() + 1).filter(is_tag).count()
}

/// Whether each `uniqueCount`, for which room is made at once, is no larger than may be.
fn is_count_sane(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"uniqueCount";
    let places = bytes.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    places.map(|(place, _)| &bytes[place + NAME.len()..]).all(|rest| {
        let digits = rest.iter().skip_while(|byte| !byte.is_ascii_digit() && !matches!(byte, b'<' | b'>'));
        let number = digits
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0_usize, |number, digit| number.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
        number <= MAX_SHARED_TEXTS
    })
}

/// The bytes of the longest tag; none when a `<` stands in one, or a `<!`, which may hide where a tag ends.
fn longest_tag(bytes: &[u8]) -> Option<usize> {
    let mut longest = 0;
    let (mut start, mut quote): (Option<usize>, Option<u8>) = (None, None);
    for (place, byte) in bytes.iter().enumerate() {
        match (start, quote, byte) {
            (None, _, b'<') if bytes.get(place + 1) == Some(&b'!') => return None,
            (None, _, b'<') => start = Some(place),
            (Some(_), _, b'<') => return None,
            (Some(_), None, b'"' | b'\'') => quote = Some(*byte),
            (Some(_), Some(opened), _) if opened == *byte => quote = None,
            (Some(begun), None, b'>') => {
                longest = longest.max(place - begun);
                start = None;
            }
            _ => {}
        }
    }
    start.is_none().then_some(longest)
}
