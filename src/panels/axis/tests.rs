#![allow(clippy::float_cmp, clippy::unwrap_used)]

use super::*;

const UNBOUNDED: AxisBounds = AxisBounds { min: None, max: None, filled: false };
const FILLED: AxisBounds = AxisBounds { min: None, max: None, filled: true };

fn layout_of(unit: Unit, extent: Option<(f64, f64)>, bounds: AxisBounds) -> AxisLayout {
    layout(extent, false, bounds, &NumberFormat::new(unit, None))
}

fn texts(layout: &AxisLayout) -> Vec<&str> {
    layout.axis.ticks.iter().map(|tick| tick.text.as_str()).collect()
}

#[test]
fn percent_go_from_0_to_100_and_only_the_top_names_the_unit() {
    let axis = layout_of(Unit::Percent, Some((3.0, 71.0)), UNBOUNDED);
    assert_eq!(texts(&axis), ["0", "25", "50", "75", "100%"]);
    assert_eq!((axis.axis.min, axis.axis.max, axis.decimals), (0.0, 100.0, 1));
    assert_eq!(texts(&layout_of(Unit::Percent, None, UNBOUNDED)), ["0", "25", "50", "75", "100%"]);
}

#[test]
fn percent_beyond_100_still_fit() {
    let axis = layout_of(Unit::Percent, Some((3.0, 380.0)), UNBOUNDED);
    assert_eq!(texts(&axis), ["0", "100", "200", "300", "400%"]);
}

#[test]
fn ticks_of_bytes_are_powers_of_two() {
    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
    let axis = layout_of(Unit::Bytes, Some((11.0 * GIB, 13.0 * GIB)), UNBOUNDED);
    assert_eq!(texts(&axis), ["0", "4", "8", "12", "16 GiB"]);
    assert_eq!(axis.axis.ticks[1].at, 4.0 * GIB);
    let axis = layout_of(Unit::Bytes, Some((0.0, 1.2 * GIB)), UNBOUNDED);
    assert_eq!(texts(&axis), ["0", "0.25", "0.50", "0.75", "1.00", "1.25 GiB"]);
    assert_eq!(texts(&layout_of(Unit::Bytes, Some((0.0, 0.0)), UNBOUNDED)).last(), Some(&"1.00 KiB"));
}

#[test]
fn a_line_keeps_its_detail_and_an_area_its_ground() {
    let line = layout_of(Unit::Celsius, Some((44.0, 47.0)), UNBOUNDED);
    assert_eq!(texts(&line), ["44", "45", "46", "47 °C"]);
    let area = layout_of(Unit::Celsius, Some((44.0, 47.0)), FILLED);
    assert_eq!(area.axis.min, 0.0);
    assert_eq!(layout_of(Unit::None, Some((1.0, 9.0)), UNBOUNDED).axis.min, 0.0);
}

#[test]
fn equal_values_stand_in_the_middle() {
    let axis = layout_of(Unit::None, Some((50.0, 50.0)), UNBOUNDED).axis;
    assert!(axis.min < 50.0 && axis.max > 50.0, "{axis:?}");
    let axis = layout_of(Unit::None, Some((-50.0, -50.0)), UNBOUNDED).axis;
    assert!(axis.min < -50.0 && axis.max > -50.0, "{axis:?}");
    assert_eq!(texts(&layout_of(Unit::None, None, UNBOUNDED)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
}

#[test]
fn negative_values_have_a_minus_sign() {
    let axis = layout_of(Unit::Celsius, Some((-12.0, 4.0)), UNBOUNDED);
    assert_eq!(texts(&axis), ["−15", "−10", "−5", "0", "5 °C"]);
}

#[test]
fn the_ends_an_author_sets_are_kept() {
    let bounds = AxisBounds { min: Some(15.0), max: Some(90.0), filled: false };
    let axis = layout_of(Unit::Celsius, Some((44.0, 47.0)), bounds);
    assert_eq!((axis.axis.min, axis.axis.max), (15.0, 90.0));
    assert_eq!(texts(&axis), ["20", "40", "60", "80 °C"]);
    let bounds = AxisBounds { min: None, max: Some(10.0), filled: false };
    let axis = layout_of(Unit::None, Some((44.0, 47.0)), bounds).axis;
    assert!(axis.min < 10.0 && axis.max == 10.0 && !axis.ticks.is_empty(), "{axis:?}");
    let bounds = AxisBounds { min: Some(90.0), max: None, filled: false };
    assert_eq!(texts(&layout_of(Unit::Percent, Some((95.0, 99.0)), bounds)).last(), Some(&"100%"));
}

#[test]
fn values_read_off_have_one_more_place_than_the_lines() {
    assert_eq!(layout_of(Unit::None, Some((0.0, 2.0)), UNBOUNDED).decimals, 2);
    assert_eq!(layout_of(Unit::None, Some((0.0, 900.0)), UNBOUNDED).decimals, 0);
    assert_eq!(layout(Some((0.0, 8.0)), true, UNBOUNDED, &NumberFormat::new(Unit::None, None)).decimals, 0);
    assert_eq!(layout(Some((0.0, 8.0)), true, UNBOUNDED, &NumberFormat::new(Unit::None, Some(3))).decimals, 3);
}

#[test]
fn every_axis_holds_its_values_between_four_to_six_rising_lines() {
    let units = [Unit::None, Unit::Percent, Unit::Bytes, Unit::BitsPerSecond, Unit::Seconds, Unit::Celsius];
    let sizes = [1e-300, 1e-9, 0.003, 0.7, 1.0, 3.3, 9.99, 59.0, 61.0, 100.0, 1023.0, 1025.0, 4.1e6, 1e15, 1e300, f64::MAX];
    for unit in units {
        for size in sizes {
            for share in [-1.0, -0.3, 0.0, 0.2, 0.51, 0.9, 0.999, 0.999_999_999_999, 1.0] {
                let extent = (size * share, size);
                let AxisLayout { axis, scale, .. } = layout_of(unit.clone(), Some(extent), UNBOUNDED);
                let what = format!("{unit:?} {extent:?} {axis:?}");
                let slack = (axis.max - axis.min) * 1e-6;
                assert!(axis.min <= extent.0.max(-MAX_MAGNITUDE) + slack, "{what}");
                assert!(
                    axis.max >= extent.1.min(MAX_MAGNITUDE) - slack || size * (1.0 - share) <= size * MIN_RELATIVE_SPAN,
                    "{what}"
                );
                assert!((4..=6).contains(&axis.ticks.len()), "{what}");
                assert!(axis.ticks.windows(2).all(|pair| pair[0].at < pair[1].at), "{what}");
                assert!(axis.ticks.iter().all(|tick| tick.at.is_finite()), "{what}");
                assert!(scale.divisor > 0.0, "{what}");
            }
        }
    }
}
