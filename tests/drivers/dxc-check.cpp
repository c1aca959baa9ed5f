// Compiles compute shaders with Microsoft's DXC. usage: dxc-check ENTRY:FILE ...
// Run under wine beside dxcompiler.dll. The flags are those that wgpu gives DXC, without the signature.
// Prints a line for each file that fails, with DXC's words; the exit status is 1 when any failed, 2 when DXC does not load.
#include <windows.h>

#include <initguid.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

// The few parts of DXC's COM interface that are used, in the order of their virtual tables.
struct DxcBuffer {
  LPCVOID pointer;
  SIZE_T size;
  UINT encoding;
};
struct IDxcBlob : IUnknown {
  virtual LPVOID STDMETHODCALLTYPE GetBufferPointer() = 0;
  virtual SIZE_T STDMETHODCALLTYPE GetBufferSize() = 0;
};
struct IDxcOperationResult : IUnknown {
  virtual HRESULT STDMETHODCALLTYPE GetStatus(HRESULT*) = 0;
  virtual HRESULT STDMETHODCALLTYPE GetResult(IDxcBlob**) = 0;
  virtual HRESULT STDMETHODCALLTYPE GetErrorBuffer(IDxcBlob**) = 0;
};
struct IDxcCompiler3 : IUnknown {
  virtual HRESULT STDMETHODCALLTYPE Compile(const DxcBuffer*, LPCWSTR*, UINT32, void*, REFIID, void**) = 0;
};
DEFINE_GUID(compiler_class, 0x73e22d93, 0xe6ce, 0x47f3, 0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0);
DEFINE_GUID(compiler_interface, 0x228B4687, 0x5A6A, 0x4730, 0x90, 0x0C, 0x97, 0x02, 0xB2, 0x20, 0x3F, 0x54);
DEFINE_GUID(result_interface, 0x58346CDA, 0xDDE7, 0x4497, 0x94, 0x61, 0x6F, 0x87, 0xAF, 0x5E, 0x06, 0x59);
typedef HRESULT(WINAPI* CreateInstance)(REFCLSID, REFIID, LPVOID*);

static bool read_file(const std::string& path, std::string& text) {
  FILE* file = fopen(path.c_str(), "rb");
  if (!file) return false;
  char block[65536];
  size_t n;
  while ((n = fread(block, 1, sizeof block, file)) > 0) text.append(block, n);
  fclose(file);
  return true;
}

static bool compile(IDxcCompiler3* compiler, const std::string& entry, const std::string& path) {
  std::string text;
  if (!read_file(path, text)) {
    printf("%s: cannot be read\n", path.c_str());
    return false;
  }
  const std::wstring wide_entry(entry.begin(), entry.end());
  LPCWSTR arguments[] = {L"-E", wide_entry.c_str(), L"-T", L"cs_6_6", L"-HV", L"2018", L"-no-warnings", L"-enable-16bit-types", L"-Vd"};
  const DxcBuffer source = {text.data(), text.size(), 65001};
  IDxcOperationResult* result = nullptr;
  HRESULT status = compiler->Compile(&source, arguments, sizeof arguments / sizeof *arguments, nullptr, result_interface, (void**)&result);
  if (SUCCEEDED(status) && result) result->GetStatus(&status);
  if (SUCCEEDED(status)) {
    result->Release();
    return true;
  }
  IDxcBlob* words = nullptr;
  if (result) result->GetErrorBuffer(&words);
  const char* said = words ? (const char*)words->GetBufferPointer() : "no message";
  printf("%s: %.2000s\n", path.c_str(), said);
  return false;
}

int main(int argc, char** argv) {
  HMODULE library = LoadLibraryA("dxcompiler.dll");
  CreateInstance create = library ? (CreateInstance)(void*)GetProcAddress(library, "DxcCreateInstance") : nullptr;
  IDxcCompiler3* compiler = nullptr;
  if (!create || FAILED(create(compiler_class, compiler_interface, (void**)&compiler))) {
    printf("dxcompiler.dll does not load\n");
    return 2;
  }
  bool all = true;
  for (int i = 1; i < argc; i++) {
    const char* colon = strchr(argv[i], ':');
    if (!colon) {
      printf("%s: not of the form ENTRY:FILE\n", argv[i]);
      return 2;
    }
    all &= compile(compiler, std::string((const char*)argv[i], colon), colon + 1);
  }
  return all ? 0 : 1;
}
