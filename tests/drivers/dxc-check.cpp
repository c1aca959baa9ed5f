// Compiles compute shaders with Microsoft's DXC. usage: dxc-check LIBRARY [-spirv] ENTRY:FILE ...
// The flags are those that wgpu gives DXC, without the signature. With -spirv each FILE's SPIR-V is written to FILE.spv, for Vulkan.
// Prints a line for each file that fails, with DXC's words; the exit status is 1 when any failed, 2 when DXC does not load.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

// The few parts of DXC's COM interface that are used, in the order of their virtual tables.
struct Guid {
  uint32_t a;
  uint16_t b, c;
  uint8_t d[8];
};
struct DxcBuffer {
  const void* pointer;
  size_t size;
  uint32_t encoding;
};
struct Unknown {
  virtual int32_t QueryInterface(const Guid&, void**) = 0;
  virtual uint32_t AddRef() = 0;
  virtual uint32_t Release() = 0;
};
struct IDxcBlob : Unknown {
  virtual void* GetBufferPointer() = 0;
  virtual size_t GetBufferSize() = 0;
};
struct IDxcOperationResult : Unknown {
  virtual int32_t GetStatus(int32_t*) = 0;
  virtual int32_t GetResult(IDxcBlob**) = 0;
  virtual int32_t GetErrorBuffer(IDxcBlob**) = 0;
};
struct IDxcCompiler3 : Unknown {
  virtual int32_t Compile(const DxcBuffer*, const wchar_t**, uint32_t, void*, const Guid&, void**) = 0;
};
const Guid compiler_class = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
const Guid compiler_interface = {0x228B4687, 0x5A6A, 0x4730, {0x90, 0x0C, 0x97, 0x02, 0xB2, 0x20, 0x3F, 0x54}};
const Guid result_interface = {0x58346CDA, 0xDDE7, 0x4497, {0x94, 0x61, 0x6F, 0x87, 0xAF, 0x5E, 0x06, 0x59}};
typedef int32_t (*CreateInstance)(const Guid&, const Guid&, void**);

static bool read_file(const std::string& path, std::string& text) {
  FILE* file = fopen(path.c_str(), "rb");
  if (!file) return false;
  char block[65536];
  size_t n;
  while ((n = fread(block, 1, sizeof block, file)) > 0) text.append(block, n);
  fclose(file);
  return true;
}

static bool write_file(const std::string& path, IDxcBlob* blob) {
  FILE* file = fopen(path.c_str(), "wb");
  if (!file) return false;
  const bool whole = fwrite(blob->GetBufferPointer(), 1, blob->GetBufferSize(), file) == blob->GetBufferSize();
  return fclose(file) == 0 && whole;
}

static bool compile(IDxcCompiler3* compiler, const std::string& entry, const std::string& path, bool spirv) {
  std::string text;
  if (!read_file(path, text)) {
    printf("%s: cannot be read\n", path.c_str());
    return false;
  }
  const std::wstring wide_entry(entry.begin(), entry.end());
  std::vector<const wchar_t*> arguments = {L"-E", wide_entry.c_str(), L"-T", L"cs_6_6", L"-HV", L"2018", L"-no-warnings", L"-enable-16bit-types"};
  if (spirv) {
    // Buffers and immediates lie in memory as Direct3D lays them out, which is what the text was written for.
    arguments.insert(arguments.end(), {L"-spirv", L"-fspv-target-env=vulkan1.3", L"-fvk-use-dx-layout"});
  } else {
    arguments.push_back(L"-Vd");
  }
  const DxcBuffer source = {text.data(), text.size(), 65001};
  IDxcOperationResult* result = nullptr;
  int32_t status = compiler->Compile(&source, arguments.data(), arguments.size(), nullptr, result_interface, (void**)&result);
  if (status >= 0 && result) result->GetStatus(&status);
  IDxcBlob* blob = nullptr;
  bool good = status >= 0 && result;
  if (good && spirv) {
    good = result->GetResult(&blob) >= 0 && blob && write_file(path + ".spv", blob);
    if (!good) printf("%s.spv: cannot be written\n", path.c_str());
  } else if (!good) {
    if (result) result->GetErrorBuffer(&blob);
    printf("%s: %.2000s\n", path.c_str(), blob ? (const char*)blob->GetBufferPointer() : "no message");
  }
  if (blob) blob->Release();
  if (result) result->Release();
  return good;
}

int main(int argc, char** argv) {
  void* library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : nullptr;
  CreateInstance create = library ? (CreateInstance)dlsym(library, "DxcCreateInstance") : nullptr;
  IDxcCompiler3* compiler = nullptr;
  if (!create || create(compiler_class, compiler_interface, (void**)&compiler) < 0) {
    printf("DXC does not load: %s\n", library ? "no compiler in it" : dlerror());
    return 2;
  }
  bool all = true, spirv = false;
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "-spirv") == 0) {
      spirv = true;
      continue;
    }
    const char* colon = strchr(argv[i], ':');
    if (!colon) {
      printf("%s: not of the form ENTRY:FILE\n", argv[i]);
      return 2;
    }
    all &= compile(compiler, std::string((const char*)argv[i], colon), colon + 1, spirv);
  }
  return all ? 0 : 1;
}
