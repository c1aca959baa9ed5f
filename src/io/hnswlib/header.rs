//! The 96 bytes with which a file of hnswlib begins, and what follows from them: where each node lies.
//!
//! ```text
//! 0, 8, 16      u64   0; rows that there is room for; rows
//! 24, 32, 40    u64   bytes of a node on level 0; of what stands before its label; of what stands before its row
//! 48, 52        i32, u32   highest level, -1 without rows; where a descent sets out
//! 56, 64, 72    u64   links of a node above level 0, on level 0, M
//! 80, 88        f64, u64   mean level; efConstruction
//! nodes         u16 links, u8 flags (1: removed), u8 0, places on level 0 of u32, row, u64 label
//! levels        of each node: u32 bytes, and of each level from 1 on u16 links, u16 0, places of u32
//! ```

use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::graph::MOST_PLACES;
use crate::io::reader::Reader;

pub(super) const HEADER_BYTES: u64 = 96;
/// Of no node.
pub(super) const NONE: u32 = u32::MAX;
/// The flag of a row that was removed.
pub(super) const REMOVED: u8 = 1;
/// Why a file may be none of f32.
const OTHERS: [(u64, &str); 2] = [(2, "f16"), (1, "i8 or u8")];

#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub room: u64,
    pub rows: u64,
    /// -1 without rows.
    pub max_level: i32,
    pub entry: u32,
    /// Places of a node above level 0, and on it.
    pub m: u64,
    pub m0: u64,
    /// Mean level.
    pub multiplier: f64,
    pub ef_construction: u64,
    /// Bytes of a row.
    pub row_bytes: u64,
}

impl Header {
    /// Bytes of a node's links on a level of so many places.
    pub fn list_bytes(places: u64) -> u64 {
        4 + 4 * places
    }

    /// Bytes of a node on level 0.
    pub fn node_bytes(&self) -> u64 {
        Header::list_bytes(self.m0) + self.row_bytes + 8
    }

    /// Where a node begins.
    pub fn place(&self, node: u64) -> u64 {
        HEADER_BYTES + node * self.node_bytes()
    }

    /// Where the row of a node begins.
    pub fn row_place(&self, node: u64) -> u64 {
        self.place(node) + Header::list_bytes(self.m0)
    }

    /// Reads it, and holds its lengths against the file's.
    pub fn read(file: &mut Reader) -> Result<Header> {
        let [zero, room, rows] = [file.u64()?, file.u64()?, file.u64()?];
        let [bytes, label, data] = [file.u64()?, file.u64()?, file.u64()?];
        let (max_level, entry) = (file.i32()?, file.u32()?);
        let [m, m0, _m] = [file.u64()?, file.u64()?, file.u64()?];
        let multiplier = f64::from_le_bytes(file.array()?);
        let ef_construction = file.u64()?;
        if zero != 0 {
            return Err(file.fault(0, format!("{zero}, where 0 begins a file of hnswlib")));
        }
        let most = u64::from(MOST_PLACES);
        if !(1..=most).contains(&m) || !(1..=most).contains(&m0) {
            let reason = format!("{m} links of a node, and {m0} on level 0; 1 to {most} can be");
            return Err(file.fault(56, reason));
        }
        let own = Header::list_bytes(m0);
        if data != own || label < data || bytes != label.wrapping_add(8) {
            let reason = format!(
                "nodes of {bytes} bytes, their rows at {data} and their labels at {label}; rows at {own} and labels 8 bytes before the end are right"
            );
            return Err(file.fault(24, reason));
        }
        if rows > u64::from(u32::MAX) || rows > room {
            let reason = format!("{rows} rows, room for {room}, {} are the most", u32::MAX);
            return Err(file.fault(16, reason));
        }
        file.fits(16, rows, bytes)?;
        Ok(Header {
            room,
            rows,
            max_level,
            entry,
            m,
            m0,
            multiplier,
            ef_construction,
            row_bytes: label - data,
        })
    }

    /// Refuses rows that are not of `dim` f32.
    pub fn check_dim(&self, file: &Reader, dim: usize) -> Result<()> {
        let (own, dim) = (self.row_bytes, dim as u64);
        if own == 4 * dim {
            return Ok(());
        }
        let of = OTHERS.iter().find(|(size, _)| own == size * dim).map(|(_, name)| *name);
        let why = match of {
            Some(name) => {
                format!(
                    "which are of {name}, as cuVS writes them, or of another dimension; f32 is read"
                )
            }
            None => format!("of f32 that is a dimension of {}", own as f64 / 4.0),
        };
        Err(file.fault(24, format!("rows of {own} bytes, and not {dim} x f32: {why}")))
    }

    pub fn write(&self) -> Vec<u8> {
        let data = Header::list_bytes(self.m0);
        let mut out = Vec::with_capacity(HEADER_BYTES as usize);
        for number in [0, self.room, self.rows, self.node_bytes(), data + self.row_bytes, data] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.max_level.to_le_bytes());
        out.extend(self.entry.to_le_bytes());
        for number in [self.m, self.m0, self.m] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.multiplier.to_le_bytes());
        out.extend(self.ef_construction.to_le_bytes());
        out
    }
}
