//! What `completions` takes.

use clap::Args;
use clap_complete::Shell;

#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell that will read them
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}
