use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "pages/"]
#[include = "*.toml"]
struct SamplePages;

/// The sample page that a new house opens with: it is public, and names no group that somebody must have first.
const FIRST_PAGE: &str = "welcome.toml";

/// Writes a first page into `folder`, making it if need be.
///
/// # Errors
/// The folder or the file in it cannot be written.
pub fn write_first_page(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match SamplePages::get(FIRST_PAGE) {
        Some(page) => fs::write(folder.join(FIRST_PAGE), page.data),
        None => Ok(()),
    }
}

/// Writes the sample pages that the binary carries into `folder`, making it if need be.
///
/// # Errors
/// The folder or a file in it cannot be written.
pub fn write_sample_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for name in SamplePages::iter() {
        if let Some(page) = SamplePages::get(&name) {
            fs::write(folder.join(&*name), page.data)?;
        }
    }
    Ok(())
}
