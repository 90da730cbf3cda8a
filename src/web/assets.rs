use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::links::Link;
use crate::config::SiteTheme;

mod minify;

/// The length of a version in hex digits: 48 bits tell the states of the files apart.
const VERSION_DIGITS: usize = 12;

/// The least size of a file to compress: a smaller one travels in one packet either way.
const MIN_GZIP_BYTES: usize = 512;

/// The path of the stylesheet with the site's own colours. It has no file: it is made from the settings.
const THEME_PATH: &str = "theme.css";

/// The folder and extension of the site's own scripts, which are minified. Those of an overlay are the admin's, and
/// stay as they are.
const SCRIPT_PATHS: (&str, &str) = ("js/", ".js");

/// The path below which front-end libraries are served.
const VENDOR_PREFIX: &str = "vendor/";

#[derive(RustEmbed)]
#[folder = "templates/"]
struct BuiltInTemplates;

#[derive(RustEmbed)]
#[folder = "static/"]
struct BuiltInStatic;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/vendor/"]
struct BuiltInVendor;

/// Templates and static files: built in, read from the source tree in debug builds so that an edit shows on reload,
/// and overlaid from a folder where the admin names one.
#[derive(Clone, Debug)]
pub struct Assets {
    folders: Vec<PathBuf>,
    theme_css: String,
    /// The files that cannot change any more: the built-in ones, where no folder has another in their place.
    index: Arc<AssetIndex>,
}

/// The built-in files in memory, and their version.
#[derive(Debug, Default)]
struct AssetIndex {
    version: String,
    files: HashMap<String, StaticFile>,
}

/// A static file in memory, with all that a response of it needs.
#[derive(Clone, Debug)]
pub(super) struct StaticFile {
    /// Its bytes.
    pub(super) bytes: Arc<[u8]>,
    /// Its bytes compressed with gzip (RFC 1952), where that makes it smaller.
    pub(super) gzipped: Option<Arc<[u8]>>,
    /// The hash of its bytes, for its entity tag.
    pub(super) tag: String,
}

impl StaticFile {
    fn plain(bytes: Cow<'static, [u8]>) -> Self {
        Self { tag: short_hash(Sha256::new().chain_update(&bytes)), bytes: bytes.into(), gzipped: None }
    }
}

impl Assets {
    /// The built-in files alone, under those of `overlay`.
    pub fn built_in(overlay: Option<&Path>, theme: &SiteTheme) -> Self {
        Self::with_folders(overlay.map(Path::to_path_buf).into_iter().collect(), theme)
    }

    /// Like [`Assets::built_in`], with the source tree between the two when this is a debug build and it is there.
    pub fn for_this_build(overlay: Option<&Path>, theme: &SiteTheme) -> Self {
        let mut assets = Self::built_in(overlay, theme);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        if cfg!(debug_assertions) && sources.join("templates").is_dir() {
            assets.folders.push(sources.to_path_buf());
        }
        assets
    }

    fn with_folders(folders: Vec<PathBuf>, theme: &SiteTheme) -> Self {
        let mut assets = Self { folders, theme_css: theme_css(theme), index: Arc::default() };
        let vendored = BuiltInVendor::iter().map(|path| format!("{VENDOR_PREFIX}{path}"));
        let paths = BuiltInStatic::iter().map(String::from).chain(vendored).chain([THEME_PATH.to_owned()]);
        let files = paths.filter_map(|path| {
            let bytes = assets.built_in_file(&path)?;
            let gzipped = gzip(&bytes).map(Arc::from);
            Some((path, StaticFile { gzipped, ..StaticFile::plain(bytes) }))
        });
        let index = AssetIndex { version: assets.compute_version(), files: files.collect() };
        assets.index = Arc::new(index);
        assets
    }

    /// The version of all files together: a hash of their contents. It is a part of their addresses, so that
    /// browsers may keep them for ever: modules that import one another by name stay within it, and are always of one
    /// state.
    pub(super) fn version(&self) -> Cow<'_, str> {
        if self.folders.is_empty() { Cow::Borrowed(&self.index.version) } else { Cow::Owned(self.compute_version()) }
    }

    /// Hashes the hashes of the built-in files; of those in folders, which may be edited any time, their times and
    /// sizes, and those of the templates there, of which pages are rendered that many see.
    fn compute_version(&self) -> String {
        let mut hash = Sha256::new().chain_update(&self.theme_css);
        let mut built_in: Vec<_> = BuiltInStatic::iter().filter_map(|path| Some((BuiltInStatic::get(&path)?, path))).collect();
        built_in.extend(BuiltInVendor::iter().filter_map(|path| Some((BuiltInVendor::get(&path)?, path))));
        for (file, path) in built_in {
            hash = hash.chain_update(path.as_bytes()).chain_update(file.metadata.sha256_hash());
        }
        for folder in &self.folders {
            let walk = |kind| WalkDir::new(folder.join(kind)).sort_by_file_name().into_iter().filter_map(Result::ok);
            for file in walk("static").chain(walk("templates")).filter(|entry| entry.file_type().is_file()) {
                let Ok(metadata) = file.metadata() else { continue };
                let changed = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
                hash = hash
                    .chain_update(file.path().as_os_str().as_encoded_bytes())
                    .chain_update(metadata.len().to_be_bytes())
                    .chain_update(changed.unwrap_or_default().as_nanos().to_be_bytes());
            }
        }
        short_hash(hash)
    }

    /// A static file, by its path below `/static/`. One that is in a folder is read each time, for it may be edited; the others are
    /// in memory, compressed once.
    pub(super) fn static_file(&self, path: &str) -> Option<Cow<'_, StaticFile>> {
        let is_replaceable = path != THEME_PATH && !path.starts_with(VENDOR_PREFIX);
        if is_replaceable && let Some((folder, bytes)) = self.read_from_folders("static", path) {
            let bytes = Cow::Owned(bytes);
            let is_ours = folder == Path::new(env!("CARGO_MANIFEST_DIR"));
            return Some(Cow::Owned(StaticFile::plain(if is_ours { minify_script(path, bytes) } else { bytes })));
        }
        self.index.files.get(path).map(Cow::Borrowed)
    }

    fn built_in_file(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        if path == THEME_PATH {
            return Some(Cow::Owned(self.theme_css.clone().into_bytes()));
        }
        if let Some(vendored) = path.strip_prefix(VENDOR_PREFIX) {
            return BuiltInVendor::get(vendored).map(|file| file.data);
        }
        BuiltInStatic::get(path).map(|file| minify_script(path, file.data))
    }

    /// The address of a static file, with the version in it, so that browsers may keep it for ever.
    pub(super) fn static_url(&self, path: &str) -> Option<String> {
        let is_there = self.index.files.contains_key(path) || self.read_from_folders("static", path).is_some();
        is_there.then(|| Link::to(format_args!("static/{}/{path}", self.version())).to_string())
    }

    /// Whether `text` has the form of a version, current or not.
    pub(super) fn is_version(text: &str) -> bool {
        text.len() == VERSION_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Every template by name (`pages/show`): the built-in ones, and the overlay's in their place or beside them.
    pub(super) fn templates(&self) -> Vec<(String, String)> {
        let paths: BTreeSet<String> = BuiltInTemplates::iter().map(String::from).chain(self.folder_templates()).collect();
        paths
            .into_iter()
            .filter_map(|path| {
                let name = path.strip_suffix(".html.tera")?.to_owned();
                let bytes = self
                    .read_from_folders("templates", &path)
                    .map(|(_, bytes)| Cow::Owned(bytes))
                    .or_else(|| BuiltInTemplates::get(&path).map(|file| file.data))?;
                Some((name, String::from_utf8_lossy(&bytes).into_owned()))
            })
            .collect()
    }

    /// The folder of the source tree's templates, which a debug build watches.
    pub(crate) fn watched_templates(&self) -> Option<PathBuf> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.folders.iter().any(|folder| folder == sources).then(|| sources.join("templates"))
    }

    /// The paths of the templates in the folders.
    fn folder_templates(&self) -> impl Iterator<Item = String> {
        let roots = self.folders.iter().map(|folder| folder.join("templates"));
        roots.flat_map(|root| {
            let files = WalkDir::new(&root).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
            files.filter_map(move |file| Some(file.path().strip_prefix(&root).ok()?.to_str()?.to_owned()))
        })
    }

    /// Reads a file from the first folder that has it, and says which folder that is.
    fn read_from_folders(&self, kind: &str, path: &str) -> Option<(&Path, Vec<u8>)> {
        let path = Path::new(path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        self.folders.iter().find_map(|folder| Some((folder.as_path(), std::fs::read(folder.join(kind).join(path)).ok()?)))
    }
}

/// Minifies a script; anything else stays as it is.
fn minify_script(path: &str, bytes: Cow<'static, [u8]>) -> Cow<'static, [u8]> {
    let (folder, extension) = SCRIPT_PATHS;
    match str::from_utf8(&bytes) {
        Ok(script) if path.starts_with(folder) && path.ends_with(extension) => Cow::Owned(minify::minify(script).into_bytes()),
        _ => bytes,
    }
}

fn short_hash(hash: Sha256) -> String {
    let mut version = hex::encode(hash.finalize());
    version.truncate(VERSION_DIGITS);
    version
}

/// Compresses bytes, unless that is not worth it: pictures and the like are compressed already.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let packed = packer.write_all(bytes).and_then(|()| packer.finish()).ok()?;
    (bytes.len() >= MIN_GZIP_BYTES && packed.len() < bytes.len()).then_some(packed)
}

fn theme_css(theme: &SiteTheme) -> String {
    let SiteTheme { hue, accent_hue, saturation } = theme;
    format!(":root {{ --hue: {hue}; --accent-hue: {accent_hue}; --saturation: {saturation}%; }}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::panels::PANEL_KINDS;

    const THEME: SiteTheme = SiteTheme { hue: 215, accent_hue: 217, saturation: 14 };

    #[test]
    fn the_binary_carries_every_file_it_serves() {
        let assets = Assets::built_in(None, &THEME);
        assert!(assets.templates().iter().any(|(name, _)| name == "pages/show"));
        let url = assets.static_url("js/main.js").unwrap();
        let (version, path) = url.strip_prefix("/static/").unwrap().split_once('/').unwrap();
        assert!(Assets::is_version(version) && path == "js/main.js", "{url}");
        assert!(assets.static_url("js/none.js").is_none());
        assert!(assets.static_file("vendor/uplot/uPlot.esm.js").unwrap().bytes.len() > 10_000);
        assert!(assets.static_file("no/such.css").is_none());
    }

    #[test]
    fn what_gains_by_it_is_compressed_once_and_decompresses_to_the_same() {
        let assets = Assets::built_in(None, &THEME);
        let mut unpacked = Vec::new();
        let file = assets.static_file("css/base.css").unwrap();
        flate2::read::GzDecoder::new(file.gzipped.as_deref().unwrap()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, &*file.bytes);
        assert!(assets.static_file(THEME_PATH).unwrap().gzipped.is_none(), "too small to gain");
    }

    /// Collects the script at `path` and everything it imports.
    fn with_imports(assets: &Assets, path: &str, known: &mut BTreeSet<String>) {
        if !known.insert(path.to_owned()) {
            return;
        }
        let script = String::from_utf8(assets.static_file(path).unwrap().bytes.to_vec()).unwrap();
        let imports = script.lines().filter(|line| line.starts_with("import "));
        for import in imports.map(|line| line.rsplit('"').nth(1).unwrap()) {
            let address = url::Url::parse("file:///").unwrap().join(path).unwrap().join(import).unwrap();
            with_imports(assets, address.path().trim_start_matches('/'), known);
        }
    }

    #[test]
    fn a_board_loads_at_most_45_kib_of_scripts() {
        let assets = Assets::built_in(None, &THEME);
        let mut scripts = BTreeSet::new();
        let of_kinds = PANEL_KINDS.iter().flat_map(|kind| kind.scripts());
        for script in of_kinds.chain(["js/page.js".to_owned()]) {
            with_imports(&assets, &script, &mut scripts);
        }
        assert!(scripts.contains("js/panels/colours.js"), "{scripts:?}");
        let transfer_size = |path: &String| {
            let file = assets.static_file(path).unwrap().into_owned();
            file.gzipped.unwrap_or(file.bytes).len()
        };
        let sum: usize = scripts.iter().map(transfer_size).sum();
        assert!(
            sum <= 45 * 1024,
            "{sum} bytes: {:#?}",
            scripts.iter().map(|path| (path, transfer_size(path))).collect::<Vec<_>>()
        );
        println!("{sum} bytes in {} scripts", scripts.len());
    }

    #[test]
    fn any_other_state_of_any_file_has_another_version() {
        let built_in = Assets::built_in(None, &THEME).version().into_owned();
        assert_eq!(built_in, Assets::built_in(None, &THEME).version());
        assert_ne!(built_in, Assets::built_in(None, &SiteTheme { hue: 1, ..THEME }).version());
        let overlay = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(overlay.path().join("static/js")).unwrap();
        let assets = Assets::built_in(Some(overlay.path()), &THEME);
        std::fs::write(overlay.path().join("static/js/main.js"), "// ours").unwrap();
        let first = assets.version();
        std::fs::write(overlay.path().join("static/js/main.js"), "// ours, edited").unwrap();
        assert_ne!(first, assets.version());
    }

    #[test]
    fn an_overlay_replaces_single_files_and_nothing_outside_it() {
        let overlay = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(overlay.path().join("static/js")).unwrap();
        std::fs::write(overlay.path().join("static/js/main.js"), "// ours").unwrap();
        std::fs::write(overlay.path().join("secret"), "secret").unwrap();
        let assets = Assets::built_in(Some(overlay.path()), &THEME);
        assert_eq!(&*assets.static_file("js/main.js").unwrap().bytes, b"// ours");
        assert!(assets.static_file("js/live.js").unwrap().gzipped.is_some(), "the others are served as before");
        assert!(assets.static_file("../secret").is_none());
        assert!(assets.static_file("js/../../secret").is_none());
    }
}
