//! Numbers of floating point in JSON, which has no word for those that are not finite.

use serde_json::{Value, json};
use std::fmt;

/// The number; the text "inf", "-inf" or "nan" where it is not finite, since `serde_json` writes `null` for these.
pub fn json(number: impl Into<f64>) -> Value {
    let number = number.into();
    if number.is_finite() {
        return json!(number);
    }
    let text = if number.is_nan() { "nan" } else { ["inf", "-inf"][usize::from(number < 0.0)] };
    Value::String(text.to_owned())
}

/// Prints the shortest text that f32 reads back as the same number, which is one of JSON where it is finite: 0.1,
/// 3.4028235e38, inf.
pub struct Shortest(pub f32);

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_words() {
        let written = [0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN].map(json);
        assert_eq!(json!(written).to_string(), r#"[0.5,"inf","-inf","nan","nan"]"#);
        assert_eq!(json(f32::MAX).as_f64(), Some(f64::from(f32::MAX)));
        assert_eq!(json(-0.0f32).to_string(), "-0.0");
    }
}
