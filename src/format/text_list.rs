//! Texts with an id a line.

use super::map::Map;
use crate::error::{Error, Result};

/// Characters of a wrong line that are quoted.
const QUOTED: usize = 40;

/// A text, and how far it has been read.
#[derive(Debug)]
pub(super) struct TextList {
    /// None where the file is empty.
    map: Option<Map>,
    at: usize,
    /// The number of the line that begins there, from 1.
    line: u64,
}

impl TextList {
    pub fn new(map: Option<Map>) -> Self {
        TextList { map, at: 0, line: 1 }
    }

    /// Appends the next ids, `most` at most, and none at the end.
    pub fn next(&mut self, most: usize, to: &mut Vec<i64>) -> Result<()> {
        let Some(map) = &self.map else { return Ok(()) };
        while to.len() < most && self.at < map.bytes().len() {
            let rest = &map.bytes()[self.at..];
            let end = rest.iter().position(|&byte| byte == b'\n');
            let line = &rest[..end.unwrap_or(rest.len())];
            // Editors of some systems put a byte order mark first.
            let text = if self.at == 0 { line.strip_prefix(b"\xef\xbb\xbf") } else { None };
            let text = text.unwrap_or(line);
            let comment = text.iter().position(|&byte| byte == b'#').unwrap_or(text.len());
            let id = text[..comment].trim_ascii();
            if !id.is_empty() {
                let number = std::str::from_utf8(id).ok().and_then(|id| id.parse::<i64>().ok());
                to.push(number.ok_or_else(|| {
                    let shown: String = String::from_utf8_lossy(id).chars().take(QUOTED).collect();
                    let reason = format!(
                        "line {}: {shown:?} is no id; a line holds one whole number, and # begins a comment",
                        self.line
                    );
                    Error::format(map.path(), self.at as u64, reason)
                })?);
            }
            self.at += line.len() + usize::from(end.is_some());
            self.line += 1;
        }
        Ok(())
    }
}
