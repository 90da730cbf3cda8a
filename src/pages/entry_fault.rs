use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::config::{Diagnostic, SourceLocation};

/// The fault of an entry of the folder of page files that is meant as a page, and is no file to be read: a folder, a link
/// to nowhere or to something else, an ending in capitals. `None` for a file, be its text right or wrong.
pub(super) fn entry_fault(entry: &Path) -> Option<Diagnostic> {
    let is_link = fs::symlink_metadata(entry).ok()?.is_symlink();
    let target = || fs::read_link(entry).unwrap_or_default().display().to_string();
    let (message, help) = match fs::metadata(entry) {
        Err(error) if error.kind() == ErrorKind::NotFound && is_link => {
            (format!("this is a link to {}, which is not there", target()), "correct the link, or remove it".to_owned())
        }
        Ok(found) if found.is_dir() => (
            "this is a folder, and the pages in it are not read: all pages are files of one folder".to_owned(),
            "move its pages up; or, if they are none, give it a name that begins with a dot".to_owned(),
        ),
        Ok(found) if !found.is_file() => {
            ("this is neither a file nor a link to one".to_owned(), "write the page into a file of text".to_owned())
        }
        Ok(_) if !has_page_ending(entry) => {
            let right = entry.with_extension("toml");
            let right = right.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            ("its name ends like a page's, but in capitals, so it is not read".to_owned(), format!("rename it to {right}"))
        }
        Ok(_) if is_link && !fs::canonicalize(entry).is_ok_and(|target| has_page_ending(&target)) => (
            format!("this is a link to {}, which is no page file, so it is not read", target()),
            "link to a file whose name ends with .toml, or remove the link".to_owned(),
        ),
        _ => return None,
    };
    Some(Diagnostic::new(SourceLocation::file(entry), message, help))
}

/// The fault of a file that cannot be read.
pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Diagnostic {
    let (message, help) = match error.kind() {
        ErrorKind::PermissionDenied => (
            "the program's user may not read this file".to_owned(),
            format!("let it, for example by `chmod a+r {}`, and see to the folders above", file.display()),
        ),
        ErrorKind::InvalidData => {
            ("this file is not UTF-8".to_owned(), "save it as UTF-8, as editors do by default".to_owned())
        }
        _ => (format!("this file cannot be read: {error}"), "make the file readable".to_owned()),
    };
    Diagnostic::new(SourceLocation::file(file), message, help)
}

fn has_page_ending(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "toml")
}

/// Whether a folder has page files in it.
pub(super) fn holds_pages(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| entries.filter_map(Result::ok).any(|entry| has_page_ending(&entry.path())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_entry_that_is_no_page_file_has_a_sentence_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["ops.toml", "Desk.TOML", "notes.txt"] {
            fs::write(path(name), "title = \"T\"\n").unwrap();
        }
        fs::create_dir(path("team")).unwrap();
        fs::write(path("team/ops.toml"), "").unwrap();
        for (target, link) in [
            ("ops.toml", "same.toml"),
            ("nowhere", "lost.toml"),
            ("notes.txt", "notes.toml"),
            ("/dev/null", "null.toml"),
            ("team", "team.toml"),
        ] {
            symlink(target, path(link)).unwrap();
        }
        for (entry, message, help) in [
            ("Desk.TOML", "in capitals", "rename it to desk.toml"),
            ("team", "this is a folder", "move its pages up"),
            ("team.toml", "this is a folder", "move its pages up"),
            ("lost.toml", "a link to nowhere, which is not there", "correct the link"),
            ("notes.toml", "a link to notes.txt, which is no page file", "ends with .toml"),
            ("null.toml", "neither a file nor a link to one", "file of text"),
        ] {
            let fault = entry_fault(&path(entry)).expect(entry);
            assert!(fault.message.contains(message) && fault.help.contains(help), "{entry}: {fault}");
        }
        for page in ["ops.toml", "same.toml", "gone.toml"] {
            assert!(entry_fault(&path(page)).is_none(), "{page}");
        }
        assert!(holds_pages(&path("team")) && !holds_pages(&path("nowhere")));
    }

    #[test]
    fn a_file_that_cannot_be_read_says_why_and_what_to_do() {
        for (kind, message, help) in [
            (ErrorKind::PermissionDenied, "may not read", "chmod a+r ops.toml"),
            (ErrorKind::InvalidData, "not UTF-8", "save it as UTF-8"),
            (ErrorKind::StaleNetworkFileHandle, "cannot be read", "readable"),
        ] {
            let fault = unreadable(Path::new("ops.toml"), &io::Error::from(kind));
            assert!(fault.message.contains(message) && fault.help.contains(help), "{fault}");
        }
    }
}
