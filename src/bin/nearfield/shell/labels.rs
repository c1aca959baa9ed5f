//! The texts of rows: a file with a line for each id, or lines that begin with their id.

use super::failure::{Failure, Result};
use super::print;
use nearfield::Error;
use std::collections::HashMap;
use std::path::Path;

/// All lines, in memory.
pub struct Labels {
    text: String,
    /// Where each line begins, and where the next one would.
    starts: Vec<usize>,
    /// Which line is that of an id, where each begins with its own: `id<TAB>text`.
    of_id: Option<HashMap<u64, usize>>,
}

impl Labels {
    /// Reads a file for the ids below `ids`; `-` is no standard input here.
    pub fn read(file: &Path, ids: u64, quiet: bool) -> Result<Labels> {
        let bytes = std::fs::read(file).map_err(|e| Error::io(file, e))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let valid = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
            Failure::Work(format!("{}:{line}: no UTF-8", file.display()))
        })?;
        let labels = Labels::of(text);
        let (lines, file) = (labels.starts.len() as u64 - 1, file.display());
        if let Some(of_id) = &labels.of_id {
            return match lines - of_id.len() as u64 {
                0 => Ok(labels),
                _ => Err(Failure::Work(format!("{file}: two lines begin with the same id"))),
            };
        }
        if lines < ids {
            let why = format!(
                "{file}: {lines} lines for ids up to {}; lines of an id, a tab and its text need not be as many",
                ids - 1
            );
            return Err(Failure::Work(why));
        }
        if lines > ids && !quiet {
            print::to_stderr(format_args!(
                "warning: {file}: {lines} lines for ids below {ids}: line {} and those behind it belong to none; a line of headings \
                 would be that of id 0",
                ids + 1
            ));
        }
        Ok(labels)
    }

    fn of(text: String) -> Labels {
        // Editors of some systems put a byte order mark first, which belongs to no line.
        let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut starts = vec![begin];
        starts.extend(
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1),
        );
        // The last line needs no end.
        if starts.last().is_some_and(|&last| last < text.len()) {
            starts.push(text.len());
        }
        let mut labels = Labels { text, starts, of_id: None };
        let lines = 0..labels.starts.len() - 1;
        let found: Option<HashMap<_, _>> =
            lines.map(|at| Some((id(labels.at(at)?)?.0, at))).collect();
        labels.of_id = found.filter(|of_id| !of_id.is_empty());
        labels
    }

    /// The line of an id, without its end; empty where there is none.
    pub fn line(&self, id: u64) -> &str {
        let line = match &self.of_id {
            Some(of_id) => of_id.get(&id).and_then(|&at| self::id(self.at(at)?)).map(|line| line.1),
            None => usize::try_from(id).ok().and_then(|at| self.at(at)),
        };
        line.unwrap_or("")
    }

    /// A line by its number.
    fn at(&self, number: usize) -> Option<&str> {
        let &[start, end] = self.starts.get(number..)?.first_chunk::<2>()?;
        let line = &self.text[start..end];
        let line = line.strip_suffix('\n').unwrap_or(line);
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// The id that a line begins with, and the text behind it.
fn id(line: &str) -> Option<(u64, &str)> {
    let (id, text) = line.split_once('\t')?;
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| id.parse().ok())?.map(|id| (id, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let labels = Labels::of(text.into());
        (0..labels.starts.len() as u64 - 1).map(|id| labels.line(id).to_owned()).collect()
    }

    #[test]
    fn lines_end_as_systems_end_them() {
        assert_eq!(lines("a\nb c\n"), ["a", "b c"]);
        assert_eq!(lines("\u{feff}a\r\n\r\nb\tc"), ["a", "", "b\tc"]);
        assert_eq!(lines("\n"), [""]);
        assert_eq!((lines(""), lines("\u{feff}")), (vec![], vec![]));
        assert_eq!(
            (Labels::of("a\n".into()).line(1), Labels::of("a".into()).line(u64::MAX)),
            ("", "")
        );
    }

    #[test]
    fn lines_may_begin_with_their_ids() {
        let labels = Labels::of("7\tseven\tof\r\n4000000000000\t\n3\tthree".into());
        assert_eq!(
            [3, 7, 4_000_000_000_000, 0].map(|id| labels.line(id)),
            ["three", "seven\tof", "", ""]
        );
        // one line without an id, and all are counted
        assert_eq!(Labels::of("7\tseven\n+8\teight\n".into()).line(0), "7\tseven");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels");
        std::fs::write(&file, "7\ta\n9\tb\n").unwrap();
        assert!(Labels::read(&file, 1 << 50, true).is_ok());
        std::fs::write(&file, "7\ta\n07\tb\n").unwrap();
        assert!(Labels::read(&file, 8, true).is_err());
    }

    #[test]
    fn too_few_lines_and_other_encodings_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels");
        std::fs::write(&file, "a\nb\n").unwrap();
        assert!(Labels::read(&file, 2, true).is_ok() && Labels::read(&file, 0, true).is_ok());
        let why = |ids| Labels::read(&file, ids, true).map(|_| ()).unwrap_err().to_string();
        assert!(why(3).contains("2 lines for ids up to 2"), "{}", why(3));
        std::fs::write(&file, b"a\nb\xff\n").unwrap();
        assert!(why(2).ends_with("labels:2: no UTF-8"), "{}", why(2));
    }
}
