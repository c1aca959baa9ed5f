//! `nearfield completions`.

use crate::args::{Cli, CompletionsArgs};
use crate::shell::failure::Result;
use crate::shell::print;
use clap::CommandFactory;

pub fn run(args: &CompletionsArgs) -> Result<()> {
    // Into memory first: the generator takes a stream that fails for a fault of its own.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nearfield", &mut script);
    print::to_stdout(format_args!("{}", String::from_utf8_lossy(&script).trim_end()))
}
