//! The texts of rows: a file with a line for each id.

use super::failure::{Failure, Result};
use super::print;
use nearfield::Error;
use std::path::Path;

/// All lines, in memory.
pub struct Labels {
    text: String,
    /// Where each line begins, and where the next one would.
    starts: Vec<usize>,
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
        if lines < ids {
            let why = format!("{file}: {lines} lines for ids up to {}", ids - 1);
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
        Labels { text, starts }
    }

    /// The line of an id, without its end; empty where there is none.
    pub fn line(&self, id: u64) -> &str {
        let at = usize::try_from(id).ok().and_then(|at| self.starts.get(at..)?.first_chunk::<2>());
        let line = at.map_or("", |&[start, end]| &self.text[start..end]);
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }
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
