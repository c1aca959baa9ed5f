//! How stage A scores rows: the kernel, the form of the rows that it reads, and how far its scores may be off.

use super::bits::Bits;
use super::bound::Bound;
use super::direct::Direct;
use super::f16_queries::F16Queries;
use super::logs;
use super::matrix::Matrices;
use super::piece::missing;
use super::query_tables::{self, may_look_up};
use super::settings::ScanSettings;
use crate::buffer::{BIN, Buffer};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::coding::{self, Codes, Coding};
use crate::exact::encoding::Encoding;
use crate::exact::kernels::BoundOf;
use crate::exact::operand::{Form, ScanRows};
use crate::exact::params::SelectBins;
use crate::exact::rounded::codes;
use crate::exact::tables::Tables;
use crate::exact::upload::Upload;
use crate::kernel::{Bind, Encoder, MatrixTile, Tile};
use crate::space::check::RowFacts;

/// What is decided of a scan for some queries.
pub(crate) struct Method {
    pub kernel: ScanKernel,
    pub form: Form,
    pub bound: Bound,
    pub residuals: Option<Residuals>,
    pub settings: ScanSettings,
    /// Whether the rows' logarithms are multiplied.
    logs: bool,
    /// The queries in f32 that are multiplied with codes.
    folded: Option<Buffer>,
}

/// What computes the scores.
pub(crate) enum ScanKernel {
    Rows,
    /// Sums of products that are looked up.
    Tables,
    Tile(Tile),
    Direct(Option<Tile>, Direct),
    Bits(Option<Tile>, Bits),
    Matrix(Matrices),
}

/// How much was lost in fewer bits.
pub(crate) struct Residuals {
    pub bins: Buffer,
    pub queries: Buffer,
    /// Where in it the first query's stands.
    pub at: u32,
}

impl Method {
    /// Encodes what stage A needs of the queries, of which `facts` are known.
    pub fn choose(
        scanned: ScanRows<'_>,
        facts: RowFacts,
        upload: &Upload,
        settings: ScanSettings,
        encoder: &mut Encoder,
    ) -> Result<Method> {
        let mut folded = None;
        let (kernel, form, bound, lost) = match (settings.direct, settings.bits) {
            (None, Some(bits)) => {
                let tile = bits.tile(upload.count, settings.max_row_queries);
                (ScanKernel::Bits(tile, bits), Form::Rows, bits.bound, None)
            }
            (Some(direct), _) => {
                let few = upload.count <= settings.max_row_queries;
                let tile = (!few).then_some(settings.tile);
                (ScanKernel::Direct(tile, direct), Form::Rows, direct.bound, None)
            }
            (None, None) => {
                folded = folded_for(scanned, upload, settings, encoder)?;
                let upload = reading(upload, &folded);
                products(scanned, facts, &upload, settings, encoder)?
            }
        };
        let logs = settings.direct.is_none() && scanned.rows.by_logs();
        // what keeps bins from vouching for rows that may be no hits is a part of E; and what codes lose is more than any answer should
        let codes = form == Form::F16 && scanned.codes().is_some();
        let certify = settings.certify || logs || codes;
        let (bound, lost) = if certify { (bound, lost) } else { (Bound::EXACT, None) };
        let residuals = lost.map(|(queries, at)| {
            let bins = scanned.bin_residual(form).ok_or_else(|| missing("residuals"))?.clone();
            Ok::<_, Error>(Residuals { bins, queries, at })
        });
        let residuals = residuals.transpose()?;
        Ok(Method { kernel, form, bound, residuals, settings, logs, folded })
    }

    /// The queries as stage A reads them.
    pub fn queries(&self, upload: &Upload) -> Upload {
        reading(upload, &self.folded)
    }

    /// Rows to a bin.
    pub fn bin(&self) -> u32 {
        match self.kernel {
            ScanKernel::Matrix(_) => self.settings.matrix_bin,
            ScanKernel::Rows => self.settings.row_bin,
            _ => BIN as u32,
        }
    }

    /// The queries in f16, where the matrix units multiply them so.
    pub fn f16_queries(&self) -> Option<&F16Queries> {
        match &self.kernel {
            ScanKernel::Matrix(matrices) => matrices.queries.as_ref(),
            _ => None,
        }
    }

    /// Whether the distances are no products, and computed again in their own way.
    pub fn is_direct(&self) -> bool {
        matches!(self.bound_of(), BoundOf::Score | BoundOf::Logs)
    }

    /// What the bound of its scores is made of.
    pub fn bound_of(&self) -> BoundOf {
        match (&self.kernel, &self.residuals) {
            (ScanKernel::Direct(..) | ScanKernel::Bits(..), _) => BoundOf::Score,
            _ if self.logs => BoundOf::Logs,
            (_, Some(_)) => BoundOf::Residuals,
            (_, None) => BoundOf::Norms,
        }
    }

    /// Whether no sum rounds, whatever the order.
    pub fn sums_exact(&self) -> bool {
        self.bound == Bound::EXACT && self.settings.certify
    }

    /// Encodes what stage B has to know of the queries, and says what it is passed, but for the bins.
    pub fn selection(&self, encoder: &mut Encoder, upload: &Upload, k: u32) -> Result<SelectBins> {
        encoder.stage("select");
        if let (Some(queries), Some(_)) = (self.f16_queries(), &self.residuals) {
            queries.measure(encoder, upload)?;
        }
        let Bound { c0, c1, c2, floor, slack, unit } = self.bound;
        Ok(SelectBins {
            nq: upload.count,
            bins: 0,
            bin_stride: 0,
            k,
            max_candidates: self.settings.max_candidates,
            c0,
            c1,
            c2,
            floor,
            slack,
            unit,
            residual_at: self.residuals.as_ref().map_or(0, |residuals| residuals.at),
        })
    }

    /// What the bound of a score is made of.
    pub fn bounded<'a>(
        &'a self,
        scanned: ScanRows<'a>,
        upload: &'a Upload,
    ) -> Result<(BoundOf, Vec<Bind<'a>>)> {
        let bound = self.bound_of();
        let mut buffers = Vec::new();
        if bound != BoundOf::Score {
            let bins = scanned.bin_norm().ok_or_else(|| missing("bin norms"))?;
            let queries = upload.norms.as_ref().ok_or_else(|| missing("query norms"))?;
            buffers.extend([("bin_norm", bins), ("query_norm", queries)]);
        }
        if let Some(of) = &self.residuals {
            buffers.extend([("bin_residual", &of.bins), ("query_residual", &of.queries)]);
        }
        Ok((bound, buffers))
    }
}

/// The queries with others in f32.
fn reading(upload: &Upload, folded: &Option<Buffer>) -> Upload {
    match folded {
        Some(folded) => Upload { floats: Some(folded.clone()), ..upload.clone() },
        None => upload.clone(),
    }
}

/// The ranges of the codes that so many queries are multiplied with, if they are: few read codes, and matrix units. A part of each product,
/// the same for all rows of a query, is left out of the scores.
pub(crate) fn folding<'a>(
    scanned: ScanRows<'a>,
    count: u32,
    settings: &ScanSettings,
) -> Option<&'a Coding> {
    let reads = count <= settings.max_row_queries || settings.matrix.is_some();
    scanned.codes().filter(|_| reads).and_then(Codes::coding)
}

/// Encodes the queries that such codes are multiplied by.
fn folded_for(
    scanned: ScanRows<'_>,
    upload: &Upload,
    settings: ScanSettings,
    encoder: &mut Encoder,
) -> Result<Option<Buffer>> {
    let folded = |coding| {
        let floats = upload.floats.as_ref().ok_or_else(|| missing("queries"))?;
        codes::folded(encoder, floats, upload.count, coding)
    };
    folding(scanned, upload.count, &settings).map(folded).transpose()
}

/// The kernel that multiplies, what it reads, how far its scores may be off, and where it reads fewer bits, what each query lost and
/// where the first of these stands.
type Choice = (ScanKernel, Form, Bound, Option<(Buffer, u32)>);

fn products(
    scanned: ScanRows<'_>,
    facts: RowFacts,
    upload: &Upload,
    settings: ScanSettings,
    encoder: &mut Encoder,
) -> Result<Choice> {
    let (rows, nq, dim) = (scanned.rows, upload.count, scanned.dim());
    let (family, scaled) = rows.scan().ok_or_else(|| missing("metric"))?;
    let codes = scanned.codes();
    // what folding and decoding round away counts as more products
    let of_codes = codes.and_then(Codes::coding);
    let products = dim + of_codes.map_or(0, |_| coding::ROUNDINGS);
    let logs = rows.by_logs();
    let of = |products: Bound| if logs { logs::bound(products, dim, facts) } else { products };
    // queries that the device folded: what vanishes there, too
    let twice = if of_codes.is_some() { 2.0 } else { 1.0 };
    let exact = match logs {
        true => of(Bound::f32(family, scaled, dim)),
        false => Bound::choose(family, scaled, products, rows.facts(), facts).magnified(twice),
    };
    let accumulation = of_codes.map_or(settings.accumulation, |_| settings.accumulation.max(1.0));
    let adds = rows.tables().is_some_and(Tables::adds);
    let exact = exact.added(family, dim, adds);
    let matrix = |factor: f32| {
        let bound = Bound::matrix(family, scaled, products, accumulation).added(family, dim, adds);
        of(bound.magnified(1.0 / factor).magnified(twice))
    };
    let copied = match codes {
        Some(Codes::Of(coding)) => coding.factor(),
        // the scale of a row is below its largest element
        Some(Codes::OfRows) if !scaled => 1.0 / rows.facts().largest.max(1e-30),
        _ => 1.0,
    };
    let norms = || upload.norms.clone().ok_or_else(|| missing("query norms"));
    let few = nq <= settings.max_row_queries;
    let tile = settings.matrix.map(|tile| tile.narrowed(nq));
    let rounded = scanned.int8.filter(|_| settings.int8);
    let rounded = rounded.or_else(|| scanned.f16.filter(|f16| f16.serves_few()));
    Ok(match (rounded, tile) {
        (Some(_), _) if few && codes.is_some() => {
            let bound = Bound::f32(family, scaled, products).magnified(1.0 / copied);
            (ScanKernel::Rows, Form::F16, bound.magnified(twice), Some((norms()?, nq)))
        }
        // exact sums are worth more than half the bytes
        (Some(rounded), _) if few && exact != Bound::EXACT => {
            let (form, magnified) = match rounded.operand {
                // by the scale of a row, which is below its largest element
                Encoding::Int8Copy => (Form::Int8, rows.facts().largest),
                _ => (Form::F16, 1.0 / rounded.smallest_factor()),
            };
            let bound = of(Bound::f32(family, scaled, dim).magnified(magnified));
            (ScanKernel::Rows, form, bound, Some((norms()?, nq)))
        }
        // of queries as they are nothing is lost, as is noted behind their norms
        (Some(_), Some(tile)) if (logs || codes.is_some()) && tile.input == DType::F32 => {
            let bound = matrix(copied);
            (matrices(settings, tile, None), Form::F16, bound, Some((norms()?, nq)))
        }
        (None, _) | (_, None) if logs => return Err(missing("logarithms")),
        _ if nq <= settings.max_table_queries && may_look_up(rows) => {
            let bound = query_tables::bound(rows, family, dim, exact);
            (ScanKernel::Tables, Form::Rows, bound, None)
        }
        _ if few => (ScanKernel::Rows, Form::Rows, exact, None),
        (_, Some(tile)) if tile.input == DType::F32 => {
            (matrices(settings, tile, None), Form::Rows, matrix(1.0), None)
        }
        (_, Some(tile)) => {
            let f16 = scanned.f16.ok_or_else(|| missing("f16 rows"))?;
            let shape = (dim, facts.largest);
            let factor = match codes {
                Some(_) => copied,
                None => f16.smallest_factor(),
            };
            // biases, which are 0 where logarithms are multiplied, keep no query small
            let follows = if logs { f32::MAX } else { factor };
            let queries = F16Queries::new(encoder, upload, shape, tile.bm(), follows)?;
            let lost = queries.residuals.clone();
            let bound = matrix(factor * queries.part.factor);
            (matrices(settings, tile, Some(queries)), Form::F16, bound, Some((lost, 0)))
        }
        _ => (ScanKernel::Tile(settings.tile), Form::Rows, exact, None),
    })
}

/// The matrix units as the settings use them.
fn matrices(settings: ScanSettings, tile: MatrixTile, queries: Option<F16Queries>) -> ScanKernel {
    let (max_tiles, min_groups) = (settings.matrix_tiles, settings.matrix_groups);
    ScanKernel::Matrix(Matrices { tile, queries, max_tiles, min_groups })
}
