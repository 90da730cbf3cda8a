use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use itertools::Itertools;
use tokio::sync::watch;

use crate::config::{Diagnostic, DiagnosticReport, Diagnostics, SecondFactorSettings, SourceLocation};
use crate::domain::{Fingerprint, PageSlug, Placeholder};
use crate::sources::Sources;

use super::entry_fault::{entry_fault, holds_pages, unreadable};
use super::folder_fingerprint::FolderFingerprint;
use super::page_files::{PassedOver, may_hold_pages};
use super::{Page, PageFile, read_page};

/// The largest page file, in bytes. A page is text that somebody types; a larger file is there by mistake.
const MAX_PAGE_FILE_BYTES: u64 = 1024 * 1024;

/// The pages, as parsed from the files of a folder.
pub struct PageStore {
    folder: PathBuf,
    sources: Arc<Sources>,
    second_factor: SecondFactorSettings,
    loaded: RwLock<LoadedPages>,
    reloads: watch::Sender<u64>,
    passed_over: PassedOver,
}

#[derive(Default)]
struct LoadedPages {
    pages: BTreeMap<PageSlug, Arc<Page>>,
    /// The same, in the navigation's order.
    in_order: Vec<Arc<Page>>,
    diagnostics: Diagnostics,
    fingerprint: FolderFingerprint,
}

impl PageStore {
    /// Loads the pages of `folder`. An invalid page is left out, logged and kept for [`PageStore::diagnostics`].
    ///
    /// # Errors
    /// The folder itself cannot be read.
    pub fn load(folder: &Path, sources: Arc<Sources>) -> Result<Self, Diagnostics> {
        let store = Self {
            folder: folder.to_path_buf(),
            sources,
            second_factor: SecondFactorSettings::default(),
            loaded: RwLock::default(),
            reloads: watch::Sender::new(0),
            passed_over: PassedOver::default(),
        };
        list_page_files(folder, &store.passed_over)?;
        store.reload();
        Ok(store)
    }

    /// Sets who needs a second factor on every page, and not only where a page says so.
    #[must_use]
    pub fn with_second_factor(self, second_factor: SecondFactorSettings) -> Self {
        Self { second_factor, ..self }
    }

    /// The settings for who needs a second factor, beside what the pages say.
    pub(super) fn second_factor(&self) -> &SecondFactorSettings {
        &self.second_factor
    }

    /// The diagnostics for the page files of `folder` that need no source: for when the sources are invalid themselves, or
    /// the folder cannot be read.
    pub fn diagnostics_without_sources(folder: &Path) -> Diagnostics {
        match list_page_files(folder, &PassedOver::default()) {
            Ok((files, mut faults)) => {
                faults.extend(files.iter().filter_map(|file| parse_file(file).err()).flatten());
                faults
            }
            Err(unreadable) => unreadable,
        }
    }

    /// Reads the files again. A page whose file is unchanged goes on as it is; one whose file turned invalid goes on as it
    /// was; one whose file is gone is removed.
    pub fn reload(&self) {
        let mut diagnostics = Diagnostics::default();
        let mut pages = BTreeMap::new();
        let before = self.read(|loaded| loaded.pages.clone());
        // Before the files are read: what changes while they are is found the next time.
        let fingerprint = FolderFingerprint::of(&self.folder);
        match list_page_files(&self.folder, &self.passed_over) {
            // The folder may be away for a moment while it is replaced; the pages stay meanwhile.
            Err(unreadable) => (diagnostics, pages) = (unreadable, before),
            Ok((files, faults)) => {
                diagnostics.extend(faults);
                for file in files {
                    match self.read_page(&file) {
                        Ok(page) => {
                            let page = match before.get(&page.slug) {
                                Some(same) if same.text == page.text => Arc::clone(same),
                                _ => Arc::new(Page::new(page)),
                            };
                            pages.insert(page.slug.clone(), page);
                        }
                        Err(found) => {
                            let before = slug_of(&file).and_then(|slug| before.get_key_value(&slug));
                            pages.extend(before.map(|(slug, page)| (slug.clone(), Arc::clone(page))));
                            diagnostics.extend(found);
                        }
                    }
                }
            }
        }
        for diagnostic in &diagnostics {
            tracing::error!(fault = %diagnostic, "a page file is faulty");
        }
        tracing::info!(pages = pages.len(), faults = diagnostics.len(), folder = %self.folder.display(), "pages loaded");
        let in_order = in_order(&pages);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) =
            LoadedPages { pages, in_order, diagnostics, fingerprint };
        self.reloads.send_modify(|reloads| *reloads += 1);
    }

    /// Reads the files again if anything in the folder has changed since they were read last.
    pub fn reload_if_changed(&self) {
        if self.read(|loaded| loaded.fingerprint != FolderFingerprint::of(&self.folder)) {
            self.reload();
        }
    }

    /// The diagnostics for all page files, as reports for admins.
    pub fn diagnostic_reports(&self) -> Vec<DiagnosticReport> {
        self.read(|loaded| loaded.diagnostics.to_reports())
    }

    /// The diagnostics for all page files, for the terminal.
    pub fn diagnostics(&self) -> Diagnostics {
        self.read(|loaded| loaded.diagnostics.clone())
    }

    /// The fingerprint of all pages as they are shown: two servers that show the same have the same.
    pub fn content_fingerprint(&self) -> String {
        let text = |(slug, page): (&PageSlug, &Arc<Page>)| (slug.to_string(), page.text.clone());
        self.read(|loaded| Fingerprint::of(&loaded.pages.iter().map(text).collect::<Vec<_>>())).to_hex()
    }

    /// The number of pages.
    pub fn count(&self) -> usize {
        self.read(|loaded| loaded.pages.len())
    }

    /// Subscribes to reloads; the value counts them.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// The folder of the page files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sources of the pages' queries.
    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Every page, without authorization: for those who keep them running.
    pub(crate) fn pages(&self) -> Vec<Arc<Page>> {
        self.read(|loaded| loaded.pages.values().cloned().collect())
    }

    /// Every page in the navigation's order, without authorization: for the door.
    pub(super) fn pages_in_order(&self) -> Vec<Arc<Page>> {
        self.read(|loaded| loaded.in_order.clone())
    }

    /// The page of that name, without authorization: for the door.
    pub(super) fn page(&self, slug: &str) -> Option<Arc<Page>> {
        self.read(|loaded| loaded.pages.get(slug).cloned())
    }

    fn read<T>(&self, f: impl FnOnce(&LoadedPages) -> T) -> T {
        f(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_page(&self, file: &Path) -> Result<PageFile, Diagnostics> {
        let page = parse_file(file)?;
        let diagnostics = self.check_sources(&page);
        if diagnostics.is_empty() { Ok(page) } else { Err(diagnostics) }
    }

    /// The diagnostics that need the sources: whether they exist, and whether they understand the queries.
    fn check_sources(&self, page: &PageFile) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for from in page.panels.iter().filter_map(|panel| panel.source.as_ref()) {
            if !self.sources.names().contains(&from.source) {
                let known = self.sources.names().join(", ");
                let message = format!("there is no source \"{}\"", from.source);
                let help = format!("name one of {known}, or add [default.sources.{}] to Rocket.toml", from.source);
                diagnostics.push(page.diagnostic(from.source_span.clone(), message, help));
                continue;
            }
            match self.sources.check(&from.source, &from.query) {
                Err(why) => {
                    let message = format!("the source \"{}\" does not understand this query", from.source);
                    diagnostics.push(page.diagnostic(from.query_span.clone(), message, why.0));
                }
                Ok(placeholders) => {
                    for placeholder in placeholders.iter().filter(|placeholder| !provides(page, placeholder)) {
                        let message = format!("no input of this page gives \"{}\" a value", placeholder.key);
                        let help = "add an [[input]] of that name, or the field to each of its options";
                        diagnostics.push(page.diagnostic(from.query_span.clone(), message, help));
                    }
                }
            }
        }
        diagnostics
    }
}

/// The pages by their order, and then by title.
fn in_order(pages: &BTreeMap<PageSlug, Arc<Page>>) -> Vec<Arc<Page>> {
    // Those alike in both stay as they come: by slug.
    pages.values().cloned().sorted_by_cached_key(|page| (page.order, page.title.to_lowercase())).collect()
}

/// Parses a page file, without checks that need the sources.
fn parse_file(file: &Path) -> Result<PageFile, Diagnostics> {
    let size = fs::metadata(file).map_err(|error| unreadable(file, &error))?.len();
    if size > MAX_PAGE_FILE_BYTES {
        let message = format!("the file has {size} bytes, more than a page can need ({MAX_PAGE_FILE_BYTES})");
        let help = "split the page, or move what is not a page out of the folder";
        return Err(Diagnostic::new(SourceLocation::file(file), message, help).into());
    }
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    read_page(file, &text)
}

/// Whether some input of the page provides a value for the placeholder.
fn provides(page: &PageFile, placeholder: &Placeholder) -> bool {
    page.inputs.iter().filter(|input| input.name.as_str() == placeholder.input()).any(|input| {
        placeholder.field().is_none_or(|field| input.options.iter().all(|option| option.fields.contains_key(field)))
    })
}

fn slug_of(file: &Path) -> Option<PageSlug> {
    file.file_stem()?.to_str()?.parse().ok()
}

/// The page files of a folder, and the faults of its other entries that are meant as some.
fn list_page_files(folder: &Path, passed_over: &PassedOver) -> Result<(Vec<PathBuf>, Diagnostics), Diagnostics> {
    let listed: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries = listed.map_err(|error| {
        let message = format!("the folder of page files cannot be read: {error}");
        let help = "make the folder, or name another with the setting `pages` (BELVEDERE_PAGES)";
        Diagnostics::from_iter([Diagnostic::new(SourceLocation::file(folder), message, help)])
    })?;
    entries.retain(|entry| if may_hold_pages(entry) { holds_pages(entry) } else { !passed_over.contains(entry) });
    entries.sort();
    let (mut files, mut faults) = (Vec::new(), Diagnostics::default());
    for entry in entries {
        match entry_fault(&entry) {
            Some(fault) => faults.push(fault),
            None => files.push(entry),
        }
    }
    Ok((files, faults))
}
