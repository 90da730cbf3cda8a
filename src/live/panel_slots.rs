use super::channel_feeds::ChannelFeeds;
use super::message::PanelFrames;
use super::panel_slot::PanelSlot;
use crate::domain::{Bindings, PanelId};
use crate::pages::Page;
use crate::panels::PanelFrame;

/// The panels of a channel as this node draws them from its feeds, in the page's order.
pub(super) struct PanelSlots(Vec<(PanelId, PanelSlot)>);

impl PanelSlots {
    pub(super) fn new(page: &Page, bindings: &Bindings) -> Self {
        Self(page.panels.iter().map(|panel| (panel.id.clone(), PanelSlot::new(panel, bindings))).collect())
    }

    /// Whether every panel has something to show.
    pub(super) fn is_complete(&self) -> bool {
        self.0.iter().all(|(_, slot)| slot.has_something_to_show())
    }

    /// Applies what the feeds have answered, and returns what that changes.
    pub(super) fn update(&mut self, feeds: &ChannelFeeds) -> PanelFrames<'_> {
        let panels = self.0.iter_mut().zip(feeds.by_panel());
        panels.filter_map(|((id, slot), feed)| Some((&*id, slot.update(&feed.as_ref()?.state())?))).collect()
    }

    /// The whole panels after the last update.
    pub(super) fn frames(&self, feeds: &ChannelFeeds) -> impl Iterator<Item = (&PanelId, PanelFrame)> {
        self.0.iter().zip(feeds.by_panel()).map(|((id, slot), feed)| (id, slot.frame(feed.as_ref())))
    }
}
