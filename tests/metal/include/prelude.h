// What is compiled once, ahead of every kernel.
#pragma once
#include "runtime.h"
#include "instrument.h"
#include <metal_stdlib>
#include <simd/simd.h>
