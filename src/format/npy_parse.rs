//! Reads the header of an `.npy` file: a Python dictionary of three entries.

use super::element::Element;
use super::layout::{Arrangement, Layout, check_size, take};
use super::npy_header::MAGIC;
use crate::error::{Error, Result};
use std::path::Path;

/// The header's entries, each with where its value stands.
#[derive(Default)]
struct Entries<'a> {
    descr: Option<(usize, &'a str)>,
    fortran: Option<bool>,
    shape: Option<(usize, Vec<u64>)>,
}

pub(super) fn layout(path: &Path, bytes: &[u8], first: Option<u64>) -> Result<Layout> {
    let format = |at: usize, reason: String| Error::format(path, at as u64, reason);
    let magic = &bytes[..bytes.len().min(MAGIC.len())];
    if !MAGIC.starts_with(magic) {
        let what = match bytes {
            [b'P', b'K', ..] => {
                ": it is an archive, as .npz is; unzip it, or save one array with numpy.save"
            }
            [0x1f, 0x8b, ..] => ": it is packed by gzip; unpack it first",
            [0x80, 2..=5, ..] => ": it is a pickle; save the array with numpy.save",
            _ => "",
        };
        let reason = format!("not an .npy file: it does not begin with \\x93NUMPY{what}");
        return Err(format(0, reason));
    }
    let [major, minor]: [u8; 2] = take(path, bytes, MAGIC.len(), "the magic number")?;
    let (length, begin): (u32, usize) = match (major, minor) {
        (1, 0) => (u16::from_le_bytes(take(path, bytes, 8, "the header's length")?).into(), 10),
        (2 | 3, 0) => (u32::from_le_bytes(take(path, bytes, 8, "the header's length")?), 12),
        _ => {
            let reason = format!("version {major}.{minor} of the format is not known");
            return Err(format(MAGIC.len(), reason));
        }
    };
    let end = usize::try_from(length).ok().and_then(|length| begin.checked_add(length));
    let Some(header) = end.and_then(|end| bytes.get(begin..end)) else {
        let reason = format!("the file ends inside its header of {length} bytes");
        return Err(format(bytes.len(), reason));
    };

    let mut parser = Parser { path, text: header, base: begin, at: 0 };
    let entries = parser.dictionary()?;
    let missing = |key: &str| format(begin, format!("the header has no {key:?}"));
    let (descr_at, descr) = entries.descr.ok_or_else(|| missing("descr"))?;
    let fortran = entries.fortran.ok_or_else(|| missing("fortran_order"))?;
    let (shape_at, shape) = entries.shape.ok_or_else(|| missing("shape"))?;

    let (element, big_endian) =
        Element::from_descr(descr).map_err(|reason| format(descr_at, reason))?;
    let (file_rows, columns) = match shape[..] {
        [rows] => (rows, None),
        [rows, columns] => (rows, Some(usize::try_from(columns).unwrap_or(usize::MAX))),
        _ => {
            let reason = format!(
                "the array has {} axes, rows have 2 and ids 1 or 2: save a.reshape(len(a), -1), of a single row a.reshape(1, -1)",
                shape.len()
            );
            return Err(format(shape_at, reason));
        }
    };
    let start = begin + header.len();
    // An array of one row or one column lies the same in both orders.
    let by_columns = fortran && file_rows > 1 && columns.is_some_and(|columns| columns > 1);
    let layout = Layout {
        element,
        arrangement: Arrangement { by_columns, big_endian },
        element_at: descr_at,
        rows: 0,
        file_rows,
        columns,
        shape_at,
        start,
        prefix: 0,
    };
    check_size(path, bytes.len(), first, layout)
}

/// A cursor in the header's text.
struct Parser<'a> {
    path: &'a Path,
    text: &'a [u8],
    /// Where the text begins in the file.
    base: usize,
    at: usize,
}

impl<'a> Parser<'a> {
    fn error<T>(&self, at: usize, reason: impl Into<String>) -> Result<T> {
        Err(Error::format(self.path, (self.base + at) as u64, reason))
    }

    /// Where the next token begins.
    fn token(&mut self) -> usize {
        let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        self.at += self.text[self.at..].iter().take_while(blank).count();
        self.at
    }

    fn accept(&mut self, token: &str) -> bool {
        let at = self.token();
        let found = self.text[at..].starts_with(token.as_bytes());
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn want(&mut self, token: &str) -> Result<()> {
        if self.accept(token) { Ok(()) } else { self.error(self.at, format!("expected {token:?}")) }
    }

    fn dictionary(&mut self) -> Result<Entries<'a>> {
        let mut entries = Entries::default();
        self.want("{")?;
        while !self.accept("}") {
            let key_at = self.token();
            let key = self.string()?;
            self.want(":")?;
            let at = self.base + self.token();
            let twice = match key {
                "descr" => entries.descr.replace((at, self.descr()?)).is_some(),
                "fortran_order" => entries.fortran.replace(self.boolean()?).is_some(),
                "shape" => entries.shape.replace((at, self.tuple()?)).is_some(),
                _ => return self.error(key_at, format!("unknown entry {key:?}")),
            };
            if twice {
                return self.error(key_at, format!("{key:?} is there twice"));
            }
            if !self.accept(",") {
                self.want("}")?;
                break;
            }
        }
        match self.token() {
            end if end < self.text.len() => self.error(end, "text after the header's dictionary"),
            _ => Ok(entries),
        }
    }

    fn string(&mut self) -> Result<&'a str> {
        let at = self.token();
        let quote = match self.text.get(at) {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return self.error(at, "expected a quoted text"),
        };
        let rest = &self.text[at + 1..];
        let Some(length) = rest.iter().position(|&b| b == quote) else {
            return self.error(at, "this text has no end");
        };
        self.at += length + 2;
        match std::str::from_utf8(&rest[..length]) {
            Ok(text) => Ok(text),
            Err(_) => self.error(at, "this text is not UTF-8"),
        }
    }

    fn descr(&mut self) -> Result<&'a str> {
        let at = self.token();
        if self.text.get(at) == Some(&b'[') {
            return self.error(at, "records of several fields are not supported: save numpy.lib.recfunctions.structured_to_unstructured(a)");
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool> {
        if self.accept("True") {
            return Ok(true);
        }
        if self.accept("False") {
            return Ok(false);
        }
        self.error(self.at, "expected True or False")
    }

    fn tuple(&mut self) -> Result<Vec<u64>> {
        let mut axes = Vec::new();
        self.want("(")?;
        while !self.accept(")") {
            axes.push(self.number()?);
            if !self.accept(",") {
                // Python's (3) is a number and no tuple, but what else could be meant?
                self.want(")")?;
                break;
            }
        }
        Ok(axes)
    }

    fn number(&mut self) -> Result<u64> {
        let at = self.token();
        let mut digits = self.text[at..].iter().take_while(|b| b.is_ascii_digit());
        self.at += digits.clone().count();
        if self.at == at {
            return self.error(at, "expected a whole number");
        }
        let value = digits.try_fold(0u64, |n, b| n.checked_mul(10)?.checked_add((b - b'0').into()));
        // Python 2 marked its long numbers so.
        self.accept("L");
        value.map_or_else(|| self.error(at, "this number overflows"), Ok)
    }
}
