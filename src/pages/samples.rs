use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "pages/"]
#[include = "*.toml"]
struct Samples;

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
