@echo off
rem Installs the agent, or another version of it, as an administrator. Arguments are those of
rem kvmmanager-agent service install, such as: install.cmd --set log_level=debug
setlocal
set "TARGET=%ProgramFiles%\KVMManager"
set "QGA="
reg query HKLM\SYSTEM\CurrentControlSet\Services\KVMManagerAgentQGA >nul 2>&1
if %errorlevel%==0 set "QGA=installed"
if exist "%TARGET%\kvmmanager-agent.cmd" (
  call "%TARGET%\kvmmanager-agent.cmd" service stop
  if defined QGA call "%TARGET%\kvmmanager-agent.cmd" service stop --dialect qga
)
if not exist "%TARGET%" mkdir "%TARGET%"
if not exist "%TARGET%" exit /b 1
for %%F in (deno.exe agent-windows.js kvmmanager-agent.cmd uninstall.cmd copyright.txt) do (
  copy /y "%~dp0%%F" "%TARGET%\%%F" >nul
  if errorlevel 1 exit /b 1
)
call "%TARGET%\kvmmanager-agent.cmd" service install %*
if not %errorlevel%==0 exit /b 1
call "%TARGET%\kvmmanager-agent.cmd" service start
if not defined QGA exit /b %errorlevel%
if not %errorlevel%==0 exit /b 1
call "%TARGET%\kvmmanager-agent.cmd" service install --dialect qga
if not %errorlevel%==0 exit /b 1
call "%TARGET%\kvmmanager-agent.cmd" service start --dialect qga
