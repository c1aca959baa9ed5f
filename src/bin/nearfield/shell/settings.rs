//! Values of a profile's keys, as files have them.

use toml::Value;

/// The value in the words of `GpuBuilder::setting`: strings lose the quotes that a file has around them.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
