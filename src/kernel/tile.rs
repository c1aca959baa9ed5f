//! The shapes of the tiles that the scans multiply.

use super::variant::Variant;
use crate::device::Profile;
use crate::dtype::DType;
use crate::error::Result;

/// The shape of the f32 register tile: `bm` queries by `bn` rows, `bk` deep, `tm` x `tn` a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub bm: u32,
    pub bn: u32,
    pub bk: u32,
    pub tm: u32,
    pub tn: u32,
}

impl Tile {
    /// The tile that fits WebGPU's guaranteed limits.
    pub const BASELINE: Tile = Tile { bm: 64, bn: 64, bk: 16, tm: 4, tn: 4 };

    /// The tile of a profile, checked.
    pub fn of(profile: &Profile) -> Result<Tile> {
        let get = |key| profile.u32("scan", key);
        let tile =
            Tile { bm: get("bm")?, bn: get("bn")?, bk: get("bk")?, tm: get("tm")?, tn: get("tn")? };
        match tile.fault() {
            None => Ok(tile),
            Some(reason) => {
                let keys = ["bm", "bn", "bk", "tm", "tn"];
                Err(profile.fault("scan", &keys, format!("kernel.scan: {reason}")))
            }
        }
    }

    pub const fn threads(self) -> u32 {
        self.bm / self.tm * (self.bn / self.tn)
    }

    /// For rows of bits, of which two groups of each side wait in registers where one of floats does: with half as many queries a thread, and in
    /// slabs of at most four groups. On an H100 10M x 1,024 bits take 76 ms so, and 94 in slabs of eight.
    pub fn of_bits(self) -> Tile {
        let bk = self.bk.min(16);
        let half = Tile { bm: self.bm / 2, bk, tm: self.tm / 2, ..self };
        let whole = Tile { bk, ..self };
        [half, whole].into_iter().find(|tile| tile.fault().is_none()).unwrap_or(self)
    }

    /// What is wrong with the shape, if anything: the shader divides without remainders.
    fn fault(self) -> Option<&'static str> {
        let Tile { bm, bn, bk, tm, tn } = self;
        if [bm, bn, bk, tm, tn].contains(&0) {
            return Some("a size is 0");
        }
        let (k4, threads) = (bk / 4, self.threads());
        let rules = [
            (bm % tm == 0 && bn % tn == 0, "bm must be a multiple of tm, bn of tn"),
            (bk % 4 == 0 && tm % 4 == 0, "bk and tm must be multiples of 4"),
            (
                bn % 64 == 0 && tn % (bn / 64).max(1) == 0,
                "bn must be a multiple of 64, tn of bn / 64",
            ),
            (64 % (bn / tn) == 0, "bn / tn must divide 64"),
            (
                threads != 0 && (bm * k4) % threads == 0,
                "bm bk / 4 must be a multiple of the threads",
            ),
            (
                threads != 0 && (bn * k4) % threads == 0,
                "bn bk / 4 must be a multiple of the threads",
            ),
            (threads % k4.max(1) == 0, "the threads must be a multiple of bk / 4"),
        ];
        rules.iter().find(|(ok, _)| !ok).map(|(_, why)| *why)
    }

    const fn k4(self) -> u32 {
        self.bk / 4
    }

    /// Bytes of workgroup memory.
    pub const fn workgroup_bytes(self) -> u32 {
        let stage = self.stage_bytes();
        let reduce = 16 * self.bn / 64 * (self.tm / 4) * self.threads();
        if stage > reduce { stage } else { reduce }
    }

    /// Bytes of workgroup memory where the results are keys, of which four are kept of each query and bin.
    pub const fn workgroup_bytes_of_keys(self) -> u32 {
        self.stage_bytes() + 16 * self.bm * (self.bn / 64)
    }

    /// Bytes of the slabs of both sides.
    const fn stage_bytes(self) -> u32 {
        16 * (self.bm + self.bn) * (self.k4() + 1)
    }
}

/// What the slabs of every tile divide: rows and queries are padded to it where they are copied.
pub(crate) const DEPTH: u32 = 32;

/// The shape of the matrix-unit tile: matrices of `edge`, a subgroup has `sm` of them by one bin of 64 rows, a workgroup
/// `sgm` x `sgn` subgroups; slabs `bk` deep, rows of a slab padded by `pad` elements against bank conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatrixTile {
    /// What is multiplied: f16 or f32.
    pub input: DType,
    pub edge: u32,
    pub sm: u32,
    pub sgm: u32,
    pub sgn: u32,
    pub bk: u32,
    pub pad: u32,
    /// Threads of a subgroup.
    pub subgroup: u32,
    /// Metal loads matrices from arrays of scalars only.
    pub scalar: bool,
    /// The bias is added to the result rather than loaded into the accumulator.
    pub epilogue_bias: bool,
}

impl MatrixTile {
    /// Edges and subgroups of the matrices of NVIDIA, of AMD, of Apple, and of Apple's shape on a software driver.
    pub const SHAPES: [(u32, u32); 4] = [(16, 32), (16, 64), (8, 32), (8, 8)];

    /// What a profile would rather multiply.
    pub fn input_of(profile: &Profile) -> Result<DType> {
        // one of the two: the profile checks it
        Ok(if profile.str("matrix", "input")? == "f32" { DType::F32 } else { DType::F16 })
    }

    /// The tile of a profile, for a device with matrices of `edge` and such subgroups.
    pub fn of(profile: &Profile, input: DType, edge: u32, subgroup: u32) -> Result<MatrixTile> {
        let get = |key| profile.u32("matrix", key);
        let epilogue_bias = profile.str("matrix", "bias")? == "epilogue";
        Ok(MatrixTile {
            input,
            edge,
            sm: get("sm")?,
            sgm: get("sgm")?,
            sgn: get("sgn")?,
            bk: get("bk")?,
            pad: get("pad")?,
            subgroup,
            // the shape that Metal has; other drivers run the same kernel
            scalar: edge == 8,
            epilogue_bias,
        })
    }

    /// The tile for `queries` of them: with fewer subgroups along the queries, then fewer matrices each, where those would
    /// multiply padding.
    pub fn narrowed(self, queries: u32) -> MatrixTile {
        let (sgm, sm) = match (self.sgm % 2, self.sm % 2) {
            (0, _) => (self.sgm / 2, self.sm),
            (_, 0) => (self.sgm, self.sm / 2),
            _ => return self,
        };
        let half = MatrixTile { sgm, sm, ..self };
        if half.divides() && queries <= half.bm() { half.narrowed(queries) } else { self }
    }

    /// Queries of a workgroup.
    pub const fn bm(self) -> u32 {
        self.sgm * self.sm * self.edge
    }

    /// Rows of a workgroup.
    pub const fn bn(self) -> u32 {
        self.sgn * 64
    }

    pub const fn threads(self) -> u32 {
        self.sgm * self.sgn * self.subgroup
    }

    /// Whether the shader's divisions come out even and a device can run it.
    pub fn fits(self, threads: u32, workgroup_bytes: u32) -> bool {
        let nonzero =
            ![self.edge, self.sm, self.sgm, self.sgn, self.bk, self.subgroup].contains(&0);
        let element = if self.input == DType::F32 { 4 } else { 2 };
        let bytes = (self.bm() + self.bn()) * (self.bk + self.pad) * element
            + self.sgm * self.sgn * self.edge * self.edge * 4;
        nonzero
            && self.bk.is_multiple_of(self.edge)
            && DEPTH.is_multiple_of(self.bk)
            && self.pad.is_multiple_of(8)
            && self.threads() <= threads
            && bytes <= workgroup_bytes
            && self.divides()
            && 256 % self.bn() == 0
    }

    /// Whether the threads share the slabs evenly.
    fn divides(self) -> bool {
        let (k4, threads) = (self.bk / 4, self.threads());
        let even = |rows: u32| (rows * k4).is_multiple_of(threads);
        threads.is_multiple_of(k4) && even(self.bm()) && even(self.bn())
    }
}

impl Variant {
    /// The shape of a register tile, as `shaders/lib/tile/register/` takes it.
    pub fn tile(self, tile: Tile) -> Variant {
        self.int("bm", tile.bm)
            .int("bn", tile.bn)
            .int("bk", tile.bk)
            .int("tm", tile.tm)
            .int("tn", tile.tn)
    }

    /// The shape of a tile of the matrix units, as `shaders/lib/tile/matrix/` takes it.
    pub fn matrix_tile(self, tile: MatrixTile) -> Variant {
        self.word("input", if tile.input == DType::F32 { "f32" } else { "f16" })
            .int("edge", tile.edge)
            .int("bm", tile.bm())
            .int("bn", tile.bn())
            .int("bk", tile.bk)
            .int("sm", tile.sm)
            .int("sgm", tile.sgm)
            .int("sgn", tile.sgn)
            .int("pad", tile.pad)
            .int("sg", tile.subgroup)
            .int("threads", tile.threads())
            .flag("scalar", tile.scalar)
    }
}
