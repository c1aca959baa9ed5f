// Included by every shader that naga writes; what it declares is in metal_stdlib.
#pragma once
