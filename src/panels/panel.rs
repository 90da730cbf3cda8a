use super::axis::Bounds;
use super::bar::Bar;
use super::chart::{Chart, Told};
use super::gauge::Gauge;
use super::mismatch::Mismatch;
use super::stat::Stat;
use super::states::States;
use super::table::Table;
use super::text;
use super::view::{PanelFrame, Trouble, View};
use crate::config::{PanelKind, PanelSettings};
use crate::domain::{Bindings, Reading, Timestamp};

/// The state of one panel in one channel: what it shows, how old that is, and what is wrong.
///
/// Whoever applies a [`frame`](Panel::frame) and then every later [`drain`](Panel::drain) sees what the next
/// `frame` shows.
#[derive(Debug)]
pub struct Panel {
    shape: Shape,
    /// What it shows; charts keep their own points instead.
    view: Option<View>,
    at: Option<Timestamp>,
    trouble: Option<Trouble>,
    news: News,
}

/// What each kind needs to turn a reading into its view.
#[derive(Debug)]
enum Shape {
    Stat(Stat),
    Gauge(Gauge),
    Line(Box<Chart>),
    Area(Box<Chart>),
    Bar(Bar),
    Table(Table),
    States(States),
    /// Its view is there from the start.
    Text,
}

/// What happened since the last drain.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    /// A reading came, or trouble, or an end of it.
    any: bool,
    /// The view is another one.
    view: bool,
}

impl Panel {
    /// A panel without a reading yet. A text has its view at once, with the inputs' values in it.
    pub fn new(settings: &PanelSettings, bindings: &Bindings) -> Self {
        let chart = |window, min, max, filled| Box::new(Chart::new(settings, window, Bounds { min, max, filled }));
        let mut view = None;
        let shape = match &settings.kind {
            PanelKind::Stat { sparkline, window } => Shape::Stat(Stat::new(settings, *sparkline, *window)),
            PanelKind::Gauge { min, max } => Shape::Gauge(Gauge::new(settings, *min, *max)),
            PanelKind::Line { window, min, max } => Shape::Line(chart(*window, *min, *max, false)),
            PanelKind::Area { window, min, max } => Shape::Area(chart(*window, *min, *max, true)),
            PanelKind::Bar { max } => Shape::Bar(Bar::new(settings, *max)),
            PanelKind::Table { columns, rows } => Shape::Table(Table::new(settings, columns, *rows)),
            PanelKind::States => Shape::States(States::new(settings)),
            PanelKind::Text { markdown } => {
                view = Some(View::Text(text::view(markdown, bindings)));
                Shape::Text
            }
        };
        Self { shape, view, at: None, trouble: None, news: News::default() }
    }

    /// Takes a reading of the moment `at`. It ends any trouble.
    ///
    /// # Errors
    /// A [`Mismatch`] when this kind of panel cannot show such a reading. The panel is as it was: it is for the
    /// caller, who knows when the source is asked again, to [`fail`](Panel::fail) it with these words.
    pub fn take(&mut self, at: Timestamp, reading: &Reading) -> Result<(), Mismatch> {
        let view = match &mut self.shape {
            Shape::Line(chart) | Shape::Area(chart) => {
                chart.take(at, reading, self.trouble.as_ref().map(|trouble| trouble.since))?;
                None
            }
            Shape::Stat(stat) => Some(View::Stat(stat.view(at, reading)?)),
            Shape::Gauge(gauge) => Some(View::Gauge(gauge.view(reading)?)),
            Shape::Bar(bar) => Some(View::Bar(bar.view(reading)?)),
            Shape::Table(table) => Some(View::Table(table.view(reading)?)),
            Shape::States(states) => Some(View::States(states.view(reading)?)),
            Shape::Text => return Err(Mismatch::kind("a text panel", "its page's own words", reading)),
        };
        if view.is_some() && view != self.view {
            self.view = view;
            self.news.view = true;
        }
        self.at = Some(at);
        self.trouble = None;
        self.news.any = true;
        Ok(())
    }

    /// Notes why there is nothing newer. The last good view stays.
    pub fn fail(&mut self, trouble: Trouble) {
        if self.trouble.as_ref() != Some(&trouble) {
            self.trouble = Some(trouble);
            self.news.any = true;
        }
    }

    /// Whether there is a view, or at least the reason why there is none.
    pub fn has_something_to_show(&self) -> bool {
        let view = match &self.shape {
            Shape::Line(_) | Shape::Area(_) => self.at.is_some(),
            _ => self.view.is_some(),
        };
        view || self.trouble.is_some()
    }

    /// All there is to show now, for a snapshot or a first paint. It may hold what the next
    /// [`drain`](Panel::drain) tells again.
    pub fn frame(&self) -> PanelFrame {
        let view = match &self.shape {
            // Before the first reading there is no chart, rather than an empty one.
            Shape::Line(chart) => self.at.map(|_| View::Line(chart.view())),
            Shape::Area(chart) => self.at.map(|_| View::Area(chart.view())),
            _ => self.view.clone(),
        };
        PanelFrame { at: self.at, view, append: None, trouble: self.trouble.clone() }
    }

    /// What is new since the last drain; `None` when nothing is.
    ///
    /// A chart tells its new points, any other kind its whole view when that is another one than before. A frame
    /// with neither means that the view is still right (`at` is new), or that the source failed (`trouble`).
    pub fn drain(&mut self) -> Option<PanelFrame> {
        let news = std::mem::take(&mut self.news);
        if !news.any {
            return None;
        }
        let mut frame = PanelFrame { at: self.at, view: None, append: None, trouble: self.trouble.clone() };
        match &mut self.shape {
            Shape::Line(chart) if self.at.is_some() => tell(&mut frame, chart.drain(), View::Line),
            Shape::Area(chart) if self.at.is_some() => tell(&mut frame, chart.drain(), View::Area),
            _ if news.view => frame.view.clone_from(&self.view),
            _ => {}
        }
        Some(frame)
    }
}

fn tell(frame: &mut PanelFrame, told: Option<Told>, view: impl Fn(super::view::ChartView) -> View) {
    match told {
        Some(Told::View(chart)) => frame.view = Some(view(chart)),
        Some(Told::Append(append)) => frame.append = Some(append),
        None => {}
    }
}

#[cfg(test)]
mod tests;
