//! The edges of a graph as a file has them: brought to the host block by block, and back.

use super::edges::{Edges, Shape};
use super::links::read;
use super::starts::Starts;
use crate::buffer::Buffer;
use crate::call::Made;
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::Dataset;
use crate::kernel::Encoder;

/// Where the links of a file come to lie, until the rows that they are of are there.
pub(crate) struct Arriving {
    links: Buffer,
    degree: u32,
    /// How many links are there.
    at: u64,
}

impl Arriving {
    /// Room for those of so many rows.
    pub fn new(gpu: &Gpu, rows: u64, Shape { degree }: Shape) -> Result<Arriving> {
        let links = gpu.alloc("edges", rows * u64::from(degree) * 4)?;
        Ok(Arriving { links, degree, at: 0 })
    }

    /// Takes the next links, which lead to rows that there will be, or are none.
    pub fn take(&mut self, gpu: &Gpu, links: &[u32]) -> Result<()> {
        let mut encoder = Encoder::new(gpu, "edges", false)?;
        encoder.write(&self.links, self.at * 4, bytemuck::cast_slice(links))?;
        encoder.submit(&[])?.wait()?;
        self.at += links.len() as u64;
        Ok(())
    }

    /// The graph of these rows, whose searches set out from `starts`, which ascend; where there are none, from what the edges say.
    pub fn edges(self, dataset: &Dataset, starts: &[u32]) -> Result<Edges> {
        let Arriving { links, degree, .. } = self;
        let starts = match starts {
            [] => Starts::new(dataset, (&links, degree), None, None)?,
            starts => Starts::of(dataset, starts)?,
        };
        Ok(Edges { links, degree, starts, upper: None, blurred: Made::default() })
    }
}

impl Edges {
    /// From which rows a search sets out, ascending.
    pub fn start_rows(&self, gpu: &Gpu) -> Result<Vec<u32>> {
        let rows = &self.starts.rows;
        read(gpu, rows, 0, rows.size() / 4)
    }

    /// Some of the links, `degree` of each row one after the other.
    pub fn links(&self, gpu: &Gpu, first: u64, count: u64) -> Result<Vec<u32>> {
        read(gpu, &self.links, first, count)
    }
}
