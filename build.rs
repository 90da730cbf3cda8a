//! Brings the chart library from the npm registry into `OUT_DIR/vendor/uplot/`, from where the program embeds it.
//!
//! Nothing of it is committed: `package-lock.json` says which version, with its checksum, and `npm ci` fetches just that
//! into `node_modules` when it is not there yet. The build does nothing else on the network.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The files that the program serves: the name in the package, the name to serve it under, and text to append. The package
/// has its module unminified only, 42 KB compressed; the minified file, 22 KB, is a plain script, and with one line a module.
const FILES: [(&str, &str, &str); 2] =
    [("uPlot.iife.min.js", "uPlot.esm.js", "export default uPlot;\n"), ("uPlot.min.css", "uPlot.min.css", "")];

/// The arguments of npm: install exactly the lockfile, nothing for development, and no script of any package.
const NPM_ARGS: [&str; 5] = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];

fn main() -> ExitCode {
    // Not `node_modules`: it is filled while this runs, and would look changed to the next build. What came from it is
    // kept in `OUT_DIR`.
    for path in ["build.rs", "package.json", "package-lock.json", "templates", "static", "pages", "src/sessions/migrations"] {
        println!("cargo:rerun-if-changed={path}");
    }
    match vendor() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Copies the library's files into `OUT_DIR/vendor/uplot/`, fetching the library first when it is missing.
fn vendor() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let library = root.join("node_modules/uplot/dist");
    if FILES.iter().any(|(file, ..)| !library.join(file).is_file()) {
        install(&root)?;
    }
    let target = PathBuf::from(env::var("OUT_DIR")?).join("vendor/uplot");
    fs::create_dir_all(&target).map_err(|error| format!("cannot make {}: {error}", target.display()))?;
    for (file, name, suffix) in FILES {
        let text = fs::read_to_string(library.join(file)).map_err(|error| {
            format!("node_modules/uplot/dist/{file} cannot be read: {error}. Delete node_modules and build again.")
        })?;
        let path = target.join(name);
        fs::write(&path, text + suffix).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// Runs `npm ci`, and turns its failure into a message about what to do.
fn install(root: &Path) -> Result<(), Box<dyn Error>> {
    // On Windows npm is a script, and only `npm.cmd` can be started without a shell.
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm).args(NPM_ARGS).current_dir(root).output().map_err(|error| {
        format!(
            "npm is needed to fetch the chart library (uPlot) and could not be started: {error}.\n\
             Install Node.js 20 or newer, which brings npm (on Debian and Ubuntu: apt install npm), and build again."
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "npm could not fetch the chart library (uPlot): `npm {}` ended with {}.\n{}\n\
         Check that this machine reaches the npm registry (npm ping), or fetch it by hand with that command, \
         and build again.",
        NPM_ARGS.join(" "),
        output.status,
        stderr.trim()
    )
    .into())
}
