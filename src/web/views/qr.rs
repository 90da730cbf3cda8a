use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;

/// The quiet zone: four modules of white on each side (ISO/IEC 18004, 6.3.8): without them a camera finds no edge.
const QUIET_ZONE: usize = 4;

/// A QR code as one path of unit squares.
#[derive(Debug, Serialize)]
pub(in crate::web) struct QrCodeImage {
    /// How many squares wide and high it is, with its margin.
    size: usize,
    /// The dark squares, as the `d` of an SVG path.
    path: String,
}

/// The QR code of a text; `None` when it is too long for one.
pub(super) fn qr_code(text: &str) -> Option<QrCodeImage> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.into_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing to a String does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET_ZONE, at / width + QUIET_ZONE);
        }
    }
    Some(QrCodeImage { size: width + 2 * QUIET_ZONE, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_margin_and_its_three_eyes() {
        let QrCodeImage { size, path } = qr_code("otpauth://totp/Belvedere:alice?secret=AAAA").unwrap();
        for (x, y) in [(QUIET_ZONE, QUIET_ZONE), (size - QUIET_ZONE - 1, QUIET_ZONE), (QUIET_ZONE, size - QUIET_ZONE - 1)] {
            assert!(path.contains(&format!("M{x} {y}h1v1h-1z")), "{x} {y}");
        }
        let last = size - QUIET_ZONE;
        assert!(!path.contains(&format!("M{last} ")) && !path.contains("M0 ") && !path.contains("M3 "));
        assert!(qr_code(&"x".repeat(10_000)).is_none());
    }
}
