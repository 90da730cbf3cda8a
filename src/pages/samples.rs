use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "pages/"]
#[include = "*.toml"]
struct Samples;

/// The sample page that a new house opens with: it is public, and names no group that somebody must have first.
const FIRST: &str = "welcome.toml";

/// Writes a first page into `folder`, making it if need be.
///
/// # Errors
/// The folder or the file in it cannot be written.
pub fn lay_out_first(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match Samples::get(FIRST) {
        Some(page) => fs::write(folder.join(FIRST), page.data),
        None => Ok(()),
    }
}

/// Writes the sample pages that the binary carries into `folder`, making it if need be.
///
/// # Errors
/// The folder or a file in it cannot be written.
pub fn lay_out_samples(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for name in Samples::iter() {
        if let Some(page) = Samples::get(&name) {
            fs::write(folder.join(&*name), page.data)?;
        }
    }
    Ok(())
}
