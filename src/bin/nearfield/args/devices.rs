//! What `devices` takes.

use clap::Args;

#[derive(Args)]
pub struct DevicesArgs {
    /// Print them as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}
