#pragma once

namespace occvla::train {

/// Lets this process keep what it frees, up to blocks of 64 MiB: each training step asks for the
/// same memory again, and getting it from the system each time costs a tenth of a small model's
/// step. Without effect where the C library has no such switch.
void KeepFreedMemory();

}  // namespace occvla::train
