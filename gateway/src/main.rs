//! `sluis`: one program for the gateway, its sandbox and everything an operator does.

fn main() -> std::process::ExitCode {
    gateway::cli::main()
}
