use super::axis::AxisBounds;
use super::bar::BarPanel;
use super::chart::{ChartPanel, ChartUpdate};
use super::gauge::GaugePanel;
use super::mismatch::ReadingMismatch;
use super::stat::StatPanel;
use super::states::StatesPanel;
use super::table::TablePanel;
use super::text;
use super::view::{PanelFrame, PanelTrouble, PanelView};
use crate::config::{PanelKind, PanelSettings};
use crate::domain::{Bindings, Reading, Timestamp};

/// The state of one panel in one channel: its view, how old that is, and the source's failure, if any.
///
/// A browser that applies a [`frame`](Panel::frame) and then every later [`drain`](Panel::drain) shows the same as the
/// next `frame`.
#[derive(Debug)]
pub struct Panel {
    kind: KindState,
    /// The current view; charts keep their own points instead.
    view: Option<PanelView>,
    at: Option<Timestamp>,
    trouble: Option<PanelTrouble>,
    pending: PendingChanges,
}

/// The state that each kind needs to turn a reading into its view.
#[derive(Debug)]
enum KindState {
    Stat(StatPanel),
    Gauge(GaugePanel),
    Line(Box<ChartPanel>),
    Area(Box<ChartPanel>),
    Bar(BarPanel),
    Table(TablePanel),
    States(StatesPanel),
    /// Its view is there from the start.
    Text,
}

/// The changes since the last drain.
#[derive(Clone, Copy, Debug, Default)]
struct PendingChanges {
    /// Whether there was a reading, or trouble, or an end of it.
    any: bool,
    /// Whether the view changed.
    view: bool,
}

impl Panel {
    /// A panel without a reading yet. A text has its view at once, with the inputs' values in it.
    pub fn new(settings: &PanelSettings, bindings: &Bindings) -> Self {
        let chart = |window, min, max, filled| Box::new(ChartPanel::new(settings, window, AxisBounds { min, max, filled }));
        let mut view = None;
        let kind = match &settings.kind {
            PanelKind::Stat { sparkline, window } => KindState::Stat(StatPanel::new(settings, *sparkline, *window)),
            PanelKind::Gauge { min, max } => KindState::Gauge(GaugePanel::new(settings, *min, *max)),
            PanelKind::Line { window, min, max } => KindState::Line(chart(*window, *min, *max, false)),
            PanelKind::Area { window, min, max } => KindState::Area(chart(*window, *min, *max, true)),
            PanelKind::Bar { max } => KindState::Bar(BarPanel::new(settings, *max)),
            PanelKind::Table { columns, rows } => KindState::Table(TablePanel::new(settings, columns, *rows)),
            PanelKind::States => KindState::States(StatesPanel::new(settings)),
            PanelKind::Text { markdown } => {
                view = Some(PanelView::Text(text::render(markdown, bindings)));
                KindState::Text
            }
        };
        Self { kind, view, at: None, trouble: None, pending: PendingChanges::default() }
    }

    /// Adds a reading of the moment `at`. It ends any trouble.
    ///
    /// # Errors
    /// A [`ReadingMismatch`] when this kind of panel cannot show such a reading. The panel is as it was: it is for the caller,
    /// who knows when the source is queried again, to [set that as its trouble](Panel::set_trouble).
    pub fn add_reading(&mut self, at: Timestamp, reading: &Reading) -> Result<(), ReadingMismatch> {
        let view = match &mut self.kind {
            KindState::Line(chart) | KindState::Area(chart) => {
                chart.add_reading(at, reading, self.trouble.as_ref().map(|trouble| trouble.since))?;
                None
            }
            KindState::Stat(stat) => Some(PanelView::Stat(stat.view(at, reading)?)),
            KindState::Gauge(gauge) => Some(PanelView::Gauge(gauge.view(reading)?)),
            KindState::Bar(bar) => Some(PanelView::Bar(bar.view(reading)?)),
            KindState::Table(table) => Some(PanelView::Table(table.view(reading)?)),
            KindState::States(states) => Some(PanelView::States(states.view(reading)?)),
            KindState::Text => {
                return Err(ReadingMismatch::wrong_kind("a text panel", "its page's own words", reading));
            }
        };
        if view.is_some() && view != self.view {
            self.view = view;
            self.pending.view = true;
        }
        self.at = Some(at);
        self.trouble = None;
        self.pending.any = true;
        Ok(())
    }

    /// Sets the reason why there is nothing newer. The last good view stays.
    pub fn set_trouble(&mut self, trouble: PanelTrouble) {
        if self.trouble.as_ref() != Some(&trouble) {
            self.trouble = Some(trouble);
            self.pending.any = true;
        }
    }

    /// Whether there is a view, or at least a reason why there is none.
    pub fn has_something_to_show(&self) -> bool {
        let view = match &self.kind {
            KindState::Line(_) | KindState::Area(_) => self.at.is_some(),
            _ => self.view.is_some(),
        };
        view || self.trouble.is_some()
    }

    /// The whole panel as it is now, for a snapshot or a first paint. It may hold what the next [`drain`](Panel::drain) gives
    /// again.
    pub fn frame(&self) -> PanelFrame {
        let view = match &self.kind {
            // Before the first reading there is no chart, rather than an empty one.
            KindState::Line(chart) => self.at.map(|_| PanelView::Line(chart.view())),
            KindState::Area(chart) => self.at.map(|_| PanelView::Area(chart.view())),
            _ => self.view.clone(),
        };
        PanelFrame { at: self.at, view, append: None, trouble: self.trouble.clone() }
    }

    /// Takes the changes since the last drain; `None` when there are none.
    ///
    /// A chart gives its new points, any other kind its whole view when that has changed. A frame with neither means that the
    /// view is still right (`at` is new), or that the source failed (`trouble`).
    pub fn drain(&mut self) -> Option<PanelFrame> {
        let pending = std::mem::take(&mut self.pending);
        if !pending.any {
            return None;
        }
        let mut frame = PanelFrame { at: self.at, view: None, append: None, trouble: self.trouble.clone() };
        match &mut self.kind {
            KindState::Line(chart) if self.at.is_some() => set_chart_update(&mut frame, chart.drain(), PanelView::Line),
            KindState::Area(chart) if self.at.is_some() => set_chart_update(&mut frame, chart.drain(), PanelView::Area),
            _ if pending.view => frame.view.clone_from(&self.view),
            _ => {}
        }
        Some(frame)
    }
}

fn set_chart_update(frame: &mut PanelFrame, update: Option<ChartUpdate>, view: impl Fn(super::view::ChartView) -> PanelView) {
    match update {
        Some(ChartUpdate::View(chart)) => frame.view = Some(view(chart)),
        Some(ChartUpdate::Append(append)) => frame.append = Some(append),
        None => {}
    }
}

#[cfg(test)]
mod tests;
