use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use flate2::{Compress, Compression, FlushCompress};
use sha2::{Digest, Sha256};

use super::initial_state::InitialState;
use crate::domain::Timestamp;

/// The most bytes that the renditions of all channels take together. What has no room is rendered for each who asks, which is
/// slower and right.
const MAX_RENDITION_BYTES: usize = 64 << 20;

/// The bytes that a rendition takes, as a multiple of its text: the state that it is of, and the deflated text.
const BYTES_PER_TEXT_BYTE: usize = 2;

/// The bytes of a tag's hash: nobody gains by two renditions of the same tag, which chance does not make.
const TAG_BYTES: usize = 12;

/// What is rendered of a channel's state once, for all who ask for it: a page's HTML, or its JSON. Nothing in it is one visitor's
/// own; that comes between its pieces.
#[derive(Debug)]
pub struct Rendition {
    pieces: Vec<SharedPiece>,
    expires: Option<Timestamp>,
    tag: OnceLock<String>,
}

/// A piece of a rendition, deflated at most once.
pub struct SharedPiece {
    text: Box<str>,
    deflated: OnceLock<Box<[u8]>>,
}

/// A channel's state at one position, with what has been rendered of it.
pub(super) struct RenderedState {
    initial: InitialState,
    /// By the name of the form.
    renditions: Mutex<Vec<(String, Arc<Rendition>)>>,
    budget: RenditionBudget,
    taken: AtomicUsize,
}

/// The bytes that all renditions take together.
#[derive(Clone, Debug, Default)]
pub(super) struct RenditionBudget(Arc<AtomicUsize>);

impl Rendition {
    /// A rendition of these pieces. At `expires`, it is no longer true even though nothing has changed: an age that stands in
    /// it has grown.
    pub fn new(pieces: impl IntoIterator<Item = String>, expires: Option<Timestamp>) -> Self {
        let piece = |text: String| SharedPiece { text: text.into(), deflated: OnceLock::new() };
        Self { pieces: pieces.into_iter().map(piece).collect(), expires, tag: OnceLock::new() }
    }

    /// Its pieces, in order.
    pub fn pieces(&self) -> &[SharedPiece] {
        &self.pieces
    }

    /// A tag that another text does not have: a hash.
    pub fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let hash = self.pieces.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece.text.as_bytes()));
            hex::encode(&hash.finalize()[..TAG_BYTES])
        })
    }

    fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text.len() * BYTES_PER_TEXT_BYTE).sum()
    }

    /// Whether it is still true at `now`.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl SharedPiece {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its text as blocks of DEFLATE (RFC 1951) that end at a byte, of which none is final, and that refer to nothing before
    /// them. So others may stand before and behind.
    pub fn deflated(&self) -> &[u8] {
        self.deflated.get_or_init(|| deflate(self.text.as_bytes()).into())
    }
}

impl fmt::Debug for SharedPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.text.len())
    }
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(text.len() / 3 + 64);
    let mut state = Compress::new(Compression::default(), false);
    loop {
        let rest = usize::try_from(state.total_in()).ok().and_then(|read| text.get(read..)).unwrap_or_default();
        // Compressing into memory fails only by misuse of the library's states, of which there is one here.
        let _ = state.compress_vec(rest, &mut deflated, FlushCompress::Sync);
        if deflated.len() < deflated.capacity() {
            return deflated;
        }
        // All the room is taken, so there may be more.
        deflated.reserve(deflated.capacity());
    }
}

impl RenderedState {
    pub(super) fn new(initial: InitialState, budget: RenditionBudget) -> Self {
        Self { initial, renditions: Mutex::default(), budget, taken: AtomicUsize::new(0) }
    }

    /// The rendition in this form: the one that there is, as long as it is true, or what `render` makes. Whoever asks meanwhile
    /// waits for it, rather than making another. `None` where `render` gives none.
    pub(super) fn rendition(
        &self,
        form: &str,
        now: Timestamp,
        render: impl FnOnce(&InitialState) -> Option<Rendition>,
    ) -> Option<Arc<Rendition>> {
        let mut renditions = self.renditions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = renditions.iter().position(|(name, _)| name == form);
        if let Some((_, rendition)) = place.map(|place| &renditions[place])
            && rendition.is_current(now)
        {
            return Some(Arc::clone(rendition));
        }
        if let Some(place) = place {
            self.give_back(renditions.swap_remove(place).1.bytes());
        }
        let rendition = Arc::new(render(&self.initial)?);
        if self.take(rendition.bytes()) {
            renditions.push((form.to_owned(), Arc::clone(&rendition)));
        }
        Some(rendition)
    }

    fn take(&self, bytes: usize) -> bool {
        let RenditionBudget(all) = &self.budget;
        let fits = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= MAX_RENDITION_BYTES);
        let took = all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        self.taken.fetch_add(if took { bytes } else { 0 }, Ordering::Relaxed);
        took
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for RenderedState {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use indexmap::IndexMap;

    use super::*;
    use crate::live::ChannelPosition;

    fn state(budget: &RenditionBudget) -> RenderedState {
        let position = ChannelPosition { epoch: "e".into(), seq: 1 };
        RenderedState::new(InitialState { position, panels: IndexMap::new() }, budget.clone())
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_state_is_rendered_once_in_each_form_until_that_is_no_longer_true() {
        let state = state(&RenditionBudget::default());
        let times = std::cell::Cell::new(0);
        let ask = |form: &str, now| {
            let render = |_: &InitialState| {
                times.set(times.get() + 1);
                Some(Rendition::new([form.to_owned()], (form == "aging").then_some(at(10))))
            };
            state.rendition(form, at(now), render).unwrap().pieces()[0].text().to_owned()
        };
        for now in 0..9 {
            assert_eq!(
                (ask("light", now), ask("dark", now), ask("aging", now)),
                ("light".into(), "dark".into(), "aging".into())
            );
        }
        assert_eq!(times.get(), 3);
        ask("aging", 10);
        assert_eq!(times.get(), 4);
        assert!(state.rendition("faulty", at(0), |_| None).is_none());
    }

    #[test]
    fn renditions_take_no_more_room_than_there_is_and_give_it_back() {
        let budget = RenditionBudget::default();
        let long = "x".repeat(MAX_RENDITION_BYTES / BYTES_PER_TEXT_BYTE / 2 + 1);
        let [first, second] = [state(&budget), state(&budget)];
        let render = |_: &InitialState| Some(Rendition::new([long.clone()], Some(at(5))));
        let is_kept = |state: &RenderedState| {
            state.rendition("page", at(0), render).unwrap();
            Arc::strong_count(&state.rendition("page", at(0), render).unwrap()) == 2
        };
        assert!(is_kept(&first) && !is_kept(&second), "there is room for one");
        first.rendition("page", at(5), |_| None);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0, "what has expired is given back");
        assert!(is_kept(&second));
        drop((first, second));
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_piece_of_any_length_inflates_to_itself_wherever_it_stands() {
        for length in [0, 1, 100, 70_000, 300_000] {
            // What compresses well, and what does not.
            let even = "ab".repeat(length / 2);
            let uneven: String = (0..length).map(|at| char::from(b'!' + u8::try_from(at * at * 7919 % 89).unwrap())).collect();
            let rendition = Rendition::new([even.clone(), uneven.clone()], None);
            let mut stream: Vec<u8> = rendition.pieces().iter().flat_map(SharedPiece::deflated).copied().collect();
            stream.extend([0x03, 0x00]);
            let mut inflated = String::new();
            DeflateDecoder::new(&*stream).read_to_string(&mut inflated).unwrap();
            assert_eq!(inflated, even + &uneven, "{length}");
        }
    }
}
