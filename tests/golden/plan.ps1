# What is planned for contoso: 12 commands.
#
# Read it before you run it: part by part, from the top, each in the Exchange Management Shell of
# the server that the part names. Stop at the first error. Run by hand, nothing is checked against
# what Exchange has become since the plan was made, and nothing is recorded: a plan made afterwards
# finds what is as declared, and takes it over.
#
# warning: Default SMTP certificate replaced: The certificate becomes the default SMTP certificate
# of EX1: by it other Exchange servers of the organization know the server, and it is presented
# where nothing else fits. Then the Edge subscription of EDGE1 must be made again, as acknowledged.
#
# warning: Attribute not readable: services: Exchange did not tell the present value. It is set
# once, and not repeated.
#
# warning: Partner is an accepted domain: contoso.com is an accepted domain of this organization.
$ErrorActionPreference = 'Stop'

# === Part 1: EDGE1, Exchange 2016 CU22 (15.1.2375.7) ===

# create certificate.EDGE1.public (EDGE1 holds no valid certificate for mail1.contoso.com)
# Early builds only, this one among them: New-ExchangeCertificate also takes -RequestFile with a
# path, as Exchange 2007 took -Path. It went with 2016 CU23 and 2019 CU12, and is not used.
$request1 = New-ExchangeCertificate `
    -GenerateRequest `
    -SubjectName 'C=US, O=Contoso Ltd, CN=mail1.contoso.com' `
    -DomainName @('mail1.contoso.com', 'smtp.contoso.com') `
    -FriendlyName 'TLSCert [reconciler:4f1d6ed381ee]' `
    -KeySize 2048 `
    -PrivateKeyExportable $false
Set-Content -Path 'certificate.EDGE1.public.req' -Value $request1 -Encoding Ascii
# The request goes to its authority. Put what comes back, with its chain as PKCS #7, in
# certificate.EDGE1.public.p7b.
Read-Host 'Press Enter when certificate.EDGE1.public.p7b is there' | Out-Null
# Early builds only, this one among them: Import-ExchangeCertificate also takes -FileName with a
# path, as Exchange 2007 took -Path. It went with 2016 CU23 and 2019 CU12, and is not used.
$certificate1 = Import-ExchangeCertificate `
    -FileData ([System.IO.File]::ReadAllBytes((Resolve-Path 'certificate.EDGE1.public.p7b').ProviderPath))
$thumbprint1 = $certificate1.Thumbprint
$name1 = '<I>' + $certificate1.Issuer + '<S>' + $certificate1.Subject
Write-Host 'certificate.EDGE1.public#tls_certificate_name:' $name1
# Exchange asks to replace the default SMTP certificate: answer No.
Enable-ExchangeCertificate `
    -Thumbprint $thumbprint1 `
    -Services 'SMTP'

# === Part 2: EX1, Exchange SE RTM (15.2.2562.17) ===

# update send_connector.internet.tls_required
Set-SendConnector `
    -Identity 'internet TLS required' `
    -AddressSpaces @(
        'SMTP:fabrikam.com;1',
        'SMTP:partner00.example;1',
        'SMTP:partner01.example;1',
        'SMTP:partner02.example;1',
        'SMTP:partner03.example;1',
        'SMTP:partner04.example;1',
        'SMTP:partner05.example;1',
        'SMTP:partner06.example;1',
        'SMTP:partner07.example;1',
        'SMTP:partner08.example;1',
        'SMTP:woodgrovebank.com;1'
    ) `
    -TlsAuthLevel 'DomainValidation' `
    -TlsDomain 'mail.protection.outlook.com' `
    -MaxMessageSize '35 MB'

# === Part 3: EDGE1, Exchange 2016 CU22 (15.1.2375.7) ===

# create send_connector.EDGE1.tls_never
New-SendConnector `
    -Name 'EDGE1 TLS never' `
    -AddressSpaces @('SMTP:oldmail.example;1') `
    -RequireTLS $false `
    -IgnoreSTARTTLS $true `
    -Comment 'their STARTTLS isn''t one [reconciler:0123456789ab]'

# === Part 4: EX1, Exchange SE RTM (15.2.2562.17) ===

# replace send_connector."Relay to scanner hub" (an attribute changes that only New-SendConnector
# can set)
Remove-SendConnector `
    -Identity 'Relay to scanner hub' `
    -Confirm:$false
if (-not $credential1) { $credential1 = Get-Credential }
New-SendConnector `
    -Name 'Relay to scanner hub' `
    -SmartHosts @('relay.contoso.com') `
    -AuthenticationCredential $credential1 `
    -TlsDomain $null

# === Part 5: EDGE1, Exchange 2016 CU22 (15.1.2375.7) ===

# update receive_connector.EDGE1."Default internal receive connector EDGE1"
if (-not $name1) { $name1 = Read-Host 'certificate.EDGE1.public#tls_certificate_name, as an earlier part told it' }
Set-ReceiveConnector `
    -Identity 'EDGE1\Default internal receive connector EDGE1' `
    -TlsCertificateName $name1
# If STARTTLS is worse afterwards than it was before, this takes it back:
#   Set-ReceiveConnector -Identity 'EDGE1\Default internal receive connector EDGE1' -TlsCertificateName '<I>CN=Contoso CA<S>CN=mail1.contoso.com'

# === Part 6: EX1, Exchange SE RTM (15.2.2562.17) ===

# create receive_connector.EX1.Scanners
New-ReceiveConnector `
    -Server 'EX1' `
    -Name 'Scanners' `
    -Bindings @('192.0.2.5:25') `
    -RemoteIPRanges @('10.0.0.0-10.255.255.255') `
    -PermissionGroups 'AnonymousUsers' `
    -TransportRole 'FrontendTransport' `
    -Comment '[reconciler:0123456789ab]'
Set-ReceiveConnector `
    -Identity 'EX1\Scanners' `
    -BareLinefeedRejectionEnabled $true

# update certificate.EX1.internet
Enable-ExchangeCertificate `
    -Thumbprint '9F3BC1A2D4E5F60718293A4B5C6D7E8F90A1B2C3' `
    -Services 'SMTP' `
    -Force `
    -Server 'EX1'
# No step back: it becomes the server's default SMTP certificate, which Exchange does not remove.

# === Part 7: EDGE1, Exchange 2016 CU22 (15.1.2375.7) ===

# delete send_connector.EDGE1.tls_required."DomainValidation mail.protection.outlook.com" (no longer
# declared)
Remove-SendConnector `
    -Identity 'EDGE1 TLS required DomainValidation' `
    -Confirm:$false
